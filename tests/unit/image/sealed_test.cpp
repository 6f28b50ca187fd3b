// SPDX-License-Identifier: Apache-2.0
#include "image/sealed.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "io/tar.hpp"
#include "support/error_of.hpp"
#include "support/recording.hpp"

using namespace wasmx;
using image::seal_export;
using image::Sealed;
using Json = nlohmann::json;

namespace {

struct Member {
    std::string path;
    std::string text;
    io::TarEntry::Type type = io::TarEntry::Type::file;
};

std::string tar_with(const std::vector<Member>& members) {
    std::size_t at = 0;
    const auto source = io::tar_of([&]() -> std::optional<io::TarMember> {
        if (at == members.size()) return std::nullopt;
        const Member& member = members[at++];
        io::TarEntry entry{.path = member.path, .type = member.type, .target = {}};
        if (member.type == io::TarEntry::Type::file) {
            entry.size = member.text.size();
        } else {
            entry.target = member.text;
        }
        entry.mode = 0644;
        return io::TarMember{entry, [&member] { return io::from_string(member.text); }};
    });
    return io::read_all(*source, 64 << 20);
}

Member link_to(const std::string& path, const std::string& target) {
    return {path, target, io::TarEntry::Type::symlink};
}

std::string layer_with(const std::string& name) { return tar_with({{name, "content of " + name}}); }
std::string gzipped(const std::string& bytes) {
    return io::read_all(*io::compressed(io::from_string(bytes)), 64 << 20);
}
// One raw block (RFC 8878, 3.1.1): as good as any other frame.
std::string zstd_of(const std::string& bytes) {
    REQUIRE(bytes.size() < 100'000);
    const std::size_t header = bytes.size() << 3 | 1;
    std::string out = "\x28\xb5\x2f\xfd";
    out += std::string("\x00\x58", 2);
    for (int i = 0; i < 3; ++i) out += static_cast<char>(header >> 8 * i & 0xff);
    return out + bytes;
}
std::string hex(const std::string& bytes) { return io::sha256(bytes).hex(); }
std::string id_of(const std::string& bytes) { return io::sha256(bytes).str(); }

std::string config_of(const std::vector<std::string>& layers) {
    Json ids = Json::array();
    for (const std::string& layer : layers) ids.push_back(id_of(layer));
    return Json{{"os", "linux"},
                {"architecture", "arm64"},
                {"config", Json::object()},
                {"rootfs", {{"type", "layers"}, {"diff_ids", ids}}}}
        .dump();
}

Member manifest_of(const std::string& config, const std::vector<std::string>& layers) {
    return {"manifest.json", Json::array({{{"Config", config}, {"RepoTags", {"x:1"}}, {"Layers", layers}}}).dump()};
}

const std::string one = layer_with("one");
const std::string two = layer_with("two");
const std::string blobs = "blobs/sha256/";

Member blob(const std::string& bytes) { return {blobs + hex(bytes), bytes}; }

Sealed sealed_of(const std::string& archive) {
    test::Recording progress;
    const auto source = io::from_string(archive);
    return seal_export(*source, progress);
}
Sealed sealed_of(const std::vector<Member>& members) { return sealed_of(tar_with(members)); }

std::string refusal_of(const std::string& archive) {
    try {
        sealed_of(archive);
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::integrity);
        return error.message();
    }
    FAIL("it was taken");
    return {};
}
std::string refusal_of(const std::vector<Member>& members) { return refusal_of(tar_with(members)); }
bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string bytes_of(const image::Layer& layer) { return io::read_all(*layer.body.open(), 64 << 20); }

// What must be true of any sealed image over these layers, each compressed or as it was stored.
void check_sealed(const Sealed& sealed, const std::vector<std::string>& layers) {
    REQUIRE(sealed.layers.size() == layers.size());
    CHECK(sealed.config == config_of(layers));
    for (std::size_t i = 0; i < layers.size(); ++i) {
        CAPTURE(i);
        const std::string bytes = bytes_of(sealed.layers[i]);
        CHECK(sealed.layers[i].diff_id.str() == id_of(layers[i]));
        CHECK(sealed.layers[i].descriptor.digest.str() == id_of(bytes));
        CHECK(sealed.layers[i].descriptor.size == bytes.size());
        CHECK(sealed.layers[i].body.size == bytes.size());
        // Unpacked it is the layer again.
        const auto unpacked = io::decompressed(io::from_string(bytes));
        io::TarReader reader(*unpacked);
        const auto plain = io::from_string(layers[i]);
        io::TarReader expected(*plain);
        CHECK(reader.next().value().path == expected.next().value().path);
    }
}

}  // namespace

TEST_SUITE_BEGIN("image");

TEST_CASE("docker 20.10: folders sorted by id, not by layer; a layer that is there twice is a link") {
    const std::string config = config_of({two, one, two});
    const Sealed sealed =
        sealed_of({{"0a/VERSION", "1.0"},
                   {"0a/json", "{}"},
                   {"0a/layer.tar", one},
                   {"1b/layer.tar", two},
                   link_to("2c/layer.tar", "../1b/layer.tar"),
                   {hex(config) + ".json", config},
                   manifest_of(hex(config) + ".json", {"1b/layer.tar", "0a/layer.tar", "2c/layer.tar"}),
                   {"repositories", "{}"}});
    check_sealed(sealed, {two, one, two});
    for (const auto& layer : sealed.layers) CHECK(layer.descriptor.media_type == oci::media_type::oci_layer_gzip);
    CHECK(sealed.layers[0].descriptor == sealed.layers[2].descriptor);
}

TEST_CASE("docker 25 and later: blobs sorted by digest, plain tars under their diff IDs") {
    const std::string config = config_of({one, two});
    std::vector<Member> members{blob(one),
                                blob(two),
                                blob(config),
                                blob(R"({"schemaVersion":2,"layers":[]})"),
                                blob(R"({"id":"v1"})"),
                                {"index.json", "{}"},
                                {"oci-layout", R"({"imageLayoutVersion":"1.0.0"})"}};
    std::sort(members.begin(), members.end(), [](const Member& a, const Member& b) { return a.path < b.path; });
    members.push_back(manifest_of(blobs + hex(config), {blobs + hex(one), blobs + hex(two)}));
    const Sealed sealed = sealed_of(members);
    check_sealed(sealed, {one, two});
}

TEST_CASE("containerd's store: blobs as they are stored, gzip, zstd or plain") {
    const std::string third = layer_with("three");
    const std::string config = config_of({one, two, third});
    const std::string packed = gzipped(one);
    const std::string packed_two = zstd_of(two);
    const Sealed sealed = sealed_of(
        {blob(packed), blob(packed_two), blob(third), blob(config),
         manifest_of(blobs + hex(config), {blobs + hex(packed), blobs + hex(packed_two), blobs + hex(third)})});
    check_sealed(sealed, {one, two, third});
    CHECK(bytes_of(sealed.layers[0]) == packed);
    CHECK(bytes_of(sealed.layers[1]) == packed_two);
    CHECK(sealed.layers[0].descriptor.media_type == oci::media_type::oci_layer_gzip);
    CHECK(sealed.layers[1].descriptor.media_type == oci::media_type::oci_layer_zstd);
    CHECK(sealed.layers[2].descriptor.media_type == oci::media_type::oci_layer_gzip);
}

TEST_CASE("podman: layers by name in their order, links for older readers") {
    const std::string config = config_of({one, two});
    const std::vector<std::string> layers{hex(one) + ".tar", hex(two) + ".tar"};
    const Sealed sealed = sealed_of({{layers[0], one},
                                     {layers[1], two},
                                     {hex(config) + ".json", config},
                                     link_to("9f/layer.tar", "../" + layers[0]),
                                     {"9f/VERSION", "1.0"},
                                     manifest_of(hex(config) + ".json", layers),
                                     {"repositories", "{}"}});
    check_sealed(sealed, {one, two});
}

TEST_CASE("links: beside it, from the top, of links, in a circle") {
    const std::string config = config_of({one});
    const Member configured{hex(config) + ".json", config};
    check_sealed(sealed_of({{"a/l.tar", one},
                            link_to("a/layer.tar", "l.tar"),
                            configured,
                            manifest_of(configured.path, {"a/layer.tar"})}),
                 {one});
    check_sealed(sealed_of({{"a/l.tar", one},
                            {"b/layer.tar", "a/l.tar", io::TarEntry::Type::hardlink},
                            configured,
                            manifest_of(configured.path, {"b/layer.tar"})}),
                 {one});
    check_sealed(sealed_of({{"./a/l.tar", one},
                            link_to("b/layer.tar", "../a/l.tar"),
                            link_to("c/layer.tar", "../b/layer.tar"),
                            configured,
                            manifest_of("./" + configured.path, {"./c/layer.tar"})}),
                 {one});
    CHECK(contains(refusal_of({link_to("a/layer.tar", "../b/layer.tar"), link_to("b/layer.tar", "../a/layer.tar"),
                               configured, manifest_of(configured.path, {"a/layer.tar"})}),
                   "lacks the layer a/layer.tar"));
}

TEST_CASE("what is a layer is told by its bytes: an empty one, one whose first name begins like JSON") {
    const std::string empty = tar_with({});
    const std::string braced = layer_with("{json}");
    REQUIRE(braced.starts_with('{'));
    const std::string config = config_of({braced});
    check_sealed(
        sealed_of({blob(empty), blob(braced), blob(config), manifest_of(blobs + hex(config), {blobs + hex(braced)})}),
        {braced});
    const std::string with_empty = config_of({empty});
    const Sealed sealed =
        sealed_of({blob(empty), blob(with_empty), manifest_of(blobs + hex(with_empty), {blobs + hex(empty)})});
    CHECK(sealed.layers.at(0).diff_id.str() == id_of(empty));
}

TEST_CASE("sealing the same twice gives the same descriptors and the same manifest") {
    const std::string config = config_of({one, two});
    const std::vector<Member> members{{"a.tar", one},
                                      {"b.tar", two},
                                      {hex(config) + ".json", config},
                                      manifest_of(hex(config) + ".json", {"a.tar", "b.tar"})};
    const Sealed first = sealed_of(members);
    const Sealed second = sealed_of(members);
    for (std::size_t i = 0; i < 2; ++i) CHECK(first.layers[i].descriptor == second.layers[i].descriptor);
    CHECK(first.manifest().json() == second.manifest().json());
    const auto manifest = oci::Manifest::parse(first.manifest().json());
    CHECK(manifest.media_type == oci::media_type::oci_manifest);
    CHECK(manifest.config.digest.str() == id_of(config));
    CHECK(manifest.config.size == config.size());
    CHECK(manifest.config.media_type == oci::media_type::oci_config);
    REQUIRE(manifest.layers.size() == 2);
    CHECK(manifest.layers[1] == first.layers[1].descriptor);
}

TEST_CASE("bodies can be read more than once and outlive everything") {
    const std::string config = config_of({one});
    image::Layer layer = sealed_of({{"a.tar", one}, {"c.json", config}, manifest_of("c.json", {"a.tar"})}).layers.at(0);
    CHECK(bytes_of(layer) == bytes_of(layer));
    CHECK(bytes_of(layer) == gzipped(one));
}

TEST_CASE("progress tells of each layer") {
    const std::string config = config_of({one});
    const auto archive =
        io::from_string(tar_with({{"a.tar", one}, {"c.json", config}, manifest_of("c.json", {"a.tar"})}));
    test::Recording progress;
    seal_export(*archive, progress);
    REQUIRE(progress.lines.size() == 2);
    CHECK(progress.lines[0] == "+sealing layer a.tar (" + human_bytes(one.size()) + ")");
    CHECK(contains(progress.lines[1], "compressed"));
}

TEST_CASE("what is not right is refused") {
    const std::string config = config_of({one, two});
    const Member configured{hex(config) + ".json", config};
    const Member manifest = manifest_of(configured.path, {"a.tar", "b.tar"});
    const Member a{"a.tar", one};
    const Member b{"b.tar", two};
    check_sealed(sealed_of({a, b, configured, manifest}), {one, two});  // as it should be

    CHECK(contains(refusal_of({b, configured, manifest}), "lacks the layer a.tar"));
    CHECK(contains(refusal_of({a, b, configured}), "no manifest.json"));
    CHECK(contains(refusal_of({a, b, manifest}), "lacks the image's config"));
    CHECK(contains(refusal_of(std::vector<Member>{}), "no manifest.json"));
    CHECK(contains(refusal_of({{"a.tar", two}, b, configured, manifest}), "diff ID " + id_of(two)));
    CHECK(contains(refusal_of({a, b, configured, manifest_of(configured.path, {"b.tar", "a.tar"})}), "diff ID"));
    CHECK(contains(refusal_of({a, b, configured, manifest_of(configured.path, {"a.tar"})}),
                   "has 1 layers, its config says 2"));
    CHECK(contains(refusal_of({a, b, {configured.path, config + " "}, manifest}), "config " + configured.path));
    CHECK(contains(refusal_of({a, b, {"c.json", "{}"}, manifest_of("c.json", {"a.tar", "b.tar"})}), "no image config"));
    for (const char* text : {"", "no json", "{}", "[]", "[1]", R"([{"Layers":"a.tar"}])", R"([{},{}])"}) {
        CAPTURE(text);
        CHECK(contains(refusal_of({a, b, configured, {"manifest.json", text}}), "exactly one image"));
    }
    Json both = Json::parse(manifest.text);
    both.push_back(both[0]);
    CHECK(contains(refusal_of({a, b, configured, {"manifest.json", both.dump()}}), "exactly one image"));
    CHECK(contains(refusal_of({a, b, configured, {"manifest.json", R"([{"Config":null,"Layers":[]}])"}}),
                   "lacks the image's config"));
    CHECK(
        contains(refusal_of({a, b, configured, {"manifest.json", R"([{"Layers":[]}])"}}), "lacks the image's config"));
    CHECK(contains(
        refusal_of(
            {a, b, configured, {"manifest.json", R"([{"Config":")" + configured.path + R"(","Layers":[1,null]}])"}}),
        "lacks the layer"));
}

TEST_CASE("a compressed blob whose digest lies, or that has no digest to be held against") {
    const std::string config = config_of({one});
    const std::string packed = gzipped(one);
    const std::string other = gzipped(two);
    CHECK(contains(
        refusal_of(
            {{blobs + hex(packed), other}, blob(config), manifest_of(blobs + hex(config), {blobs + hex(packed)})}),
        "digest " + id_of(other)));
    CHECK(
        contains(refusal_of({{"a/layer.tar", packed}, blob(config), manifest_of(blobs + hex(config), {"a/layer.tar"})}),
                 "a/layer.tar"));
}

TEST_CASE("an archive that was cut off is refused, wherever it was cut") {
    const std::string config = config_of({one, two});
    const Member configured{hex(config) + ".json", config};
    const std::string whole =
        tar_with({{"a.tar", one}, configured, manifest_of(configured.path, {"a.tar", "b.tar"}), {"b.tar", two}});
    const std::size_t end = whole.find("content of two") + 500;
    for (std::size_t size = 0; size < end; size += 511) {
        CAPTURE(size);
        const std::string message = refusal_of(whole.substr(0, size));
        CHECK_FALSE(message.empty());
    }
}

TEST_CASE("an archive that is full of texts does not fill the memory") {
    static constexpr std::uint64_t each = 15 << 20;
    constexpr int most = 100;
    int count = 0;
    const auto archive = io::tar_of([&]() -> std::optional<io::TarMember> {
        if (count == most) return std::nullopt;
        io::TarEntry entry{.path = std::to_string(++count) + "/json", .target = {}};
        entry.size = each;
        return io::TarMember{entry, [] { return io::from_string(std::string(each, 'x')); }};
    });
    test::Recording progress;
    const Error error = test::error_of([&] { seal_export(*archive, progress); });
    CHECK(error.fault() == Fault::integrity);
    CHECK(contains(error.message(), "more than 64.0 MiB beside the layers"));
    CHECK(count < 10);
}

TEST_CASE("what an archive calls its members is shown without control characters") {
    const std::string config = config_of({one});
    const std::string name = "a\x1b[31m.tar";
    const std::string message =
        refusal_of({{name, two}, {hex(config) + ".json", config}, manifest_of(hex(config) + ".json", {name})});
    CHECK(message.find('\x1b') == std::string::npos);
}

TEST_SUITE_END();
