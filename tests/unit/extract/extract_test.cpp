// SPDX-License-Identifier: Apache-2.0
// The two functions that speak to a registry, against one that holds its images in memory.
#include "extract/extract.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <map>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "io/base64.hpp"
#include "support/http_server.hpp"
#include "tars.hpp"

namespace wasmx::extract {

namespace {

using namespace test;
using Json = nlohmann::json;

const oci::Platform amd64{oci::Architecture::x86_64};
const oci::Platform arm64{oci::Architecture::arm64};

class MemoryRegistry {
public:
    Json blob(const std::string& bytes, std::string_view media_type) {
        const Digest digest = io::sha256(bytes);
        blobs["/v2/kong/x/blobs/" + digest.str()] = {.headers = {}, .body = bytes};
        return {{"mediaType", media_type}, {"digest", digest.str()}, {"size", bytes.size()}};
    }

    // Stores a manifest under its digest, and under a tag unless that is empty.
    Json manifest(const Json& json, const std::string& tag) {
        const std::string bytes = json.dump();
        const std::string media_type = json.at("mediaType");
        const std::string digest = io::sha256(bytes).str();
        const Reply reply{.headers = {{"Content-Type", media_type}, {"Docker-Content-Digest", digest}}, .body = bytes};
        blobs["/v2/kong/x/manifests/" + digest] = reply;
        if (!tag.empty()) blobs["/v2/kong/x/manifests/" + tag] = reply;
        return {{"mediaType", media_type}, {"digest", digest}, {"size", bytes.size()}};
    }

    Json image(const std::vector<std::string>& layers, const std::string& architecture, const std::string& tag) {
        Json config{{"os", "linux"}, {"architecture", architecture}, {"rootfs", {{"diff_ids", Json::array()}}}};
        Json list = Json::array();
        for (const std::string& layer : layers) {
            config["rootfs"]["diff_ids"].push_back(diff_id_of(layer).str());
            list.push_back(blob(layer, oci::media_type::oci_layer_tar));
        }
        return image_of(blob(config.dump(), oci::media_type::oci_config), list, tag);
    }

    Json image_of(const Json& config, const Json& layers, const std::string& tag) {
        const Json json{
            {"schemaVersion", 2}, {"mediaType", oci::media_type::oci_manifest}, {"config", config}, {"layers", layers}};
        return manifest(json, tag);
    }

    Json index(const Json& rows, const std::string& tag) {
        const Json json{{"schemaVersion", 2}, {"mediaType", oci::media_type::oci_index}, {"manifests", rows}};
        return manifest(json, tag);
    }

    std::map<std::string, Reply> blobs{{"/v2/", {.headers = {{"Docker-Distribution-Api-Version", "registry/2.0"}}}}};
    HttpServer server{[this](const Seen& seen) {
        const auto found = blobs.find(seen.target);
        return found == blobs.end() ? Reply{.status = 404} : found->second;
    }};
    io::HttpClient http{std::stop_token(), "test"};
    oci::Reference name = oci::Reference::parse(server.host() + "/kong/x:tag");
    registry::Repository repository{http, name, {.credential = {}, .warn = {}}};
};

Json row(Json descriptor, const std::string& architecture) {
    descriptor["platform"] = {{"os", "linux"}, {"architecture", architecture}};
    return descriptor;
}

// What was told, one line for each task: "layer sha256:… 2.0 KiB: 2048 of 2048, verified".
class Told final : public Progress {
public:
    class Line final : public Task {
    public:
        Line(Told& told, std::string name, std::uint64_t total) : told_(told), name_(std::move(name)), total_(total) {}
        ~Line() override {
            told_.tasks.push_back(name_ + ": " + std::to_string(seen_) + " of " + std::to_string(total_) + ", " + end_);
        }
        void advance(std::uint64_t bytes) override { seen_ += bytes; }
        void log(std::string_view, Stream) override {}
        void done(std::string_view how) override { end_ = how; }
        void failed(std::string_view) override {}

    private:
        Told& told_;
        std::string name_;
        std::uint64_t total_;
        std::uint64_t seen_ = 0;
        std::string end_ = "failed";
    };
    std::unique_ptr<Task> task(std::string name, std::uint64_t total) override {
        return std::make_unique<Line>(*this, std::move(name), total);
    }
    void note(std::string_view) override {}
    void warn(std::string_view) override {}
    std::vector<std::string> tasks;
};

template <class Work>
std::string failure(Fault fault, Work work) {
    try {
        work();
    } catch (const Error& error) {
        CHECK(error.fault() == fault);
        return error.message();
    }
    return "nothing failed";
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_SUITE_BEGIN("extract");

TEST_CASE("extract_file fetches the layers it needs, and says what it did") {
    MemoryRegistry there;
    const std::string base = tar({file("a", std::string(100'000, 'b'))});
    const std::string middle = gzipped(tar({file("dist/x", "the file"), file("dist/x.sha256", "its sum")}));
    const std::string top = tar({file("c", "")});
    const Json manifest = there.image({base, middle, top}, "amd64", "tag");

    const image::Published image = image::open_published(there.repository, there.name, amd64);
    CHECK(image.digest.str() == manifest.at("digest").get<std::string>());
    Told told;
    const ExtractedFile out = extract_file(there.repository, image, "/dist/x", {}, {}, told);

    CHECK(all_of(out.content.body().open()) == "the file");
    CHECK(out.entry.digest == io::sha256("the file"));
    CHECK(out.entry.layer == 1);
    CHECK(out.fetched.bytes == middle.size() + top.size());
    CHECK(out.fetched.layers == 2);
    CHECK(out.fetched.image_size == base.size() + middle.size() + top.size());
    CHECK(out.sha256_file == "its sum");
    CHECK_FALSE(out.was_promised);
    REQUIRE(told.tasks.size() == 2);
    CHECK(told.tasks[0] == "layer " + io::sha256(top).brief() + " 1.5 KiB: 1536 of 1536, verified");
    for (const Seen& seen : there.server.seen()) CHECK_FALSE(has(seen.target, io::sha256(base).str()));
}

TEST_CASE("extract_file gives nothing that is not verified") {
    const std::string good = tar({file("x", "good"), file("y", std::string(200'000, 'y'))});
    std::string bad = good;
    bad[bad.size() - 5000] = 'z';  // long after x
    for (const std::string& sent : {bad, good.substr(0, 150'000), good + "more"}) {
        MemoryRegistry there;
        there.image({good}, "amd64", "tag");
        there.blobs["/v2/kong/x/blobs/" + io::sha256(good).str()].body = sent;
        const image::Published image = image::open_published(there.repository, there.name, amd64);
        Told told;
        failure(Fault::integrity, [&] { extract_file(there.repository, image, "/x", {}, {}, told); });
        for (const std::string& task : told.tasks) CHECK(task.ends_with(", failed"));
    }
}

TEST_CASE("a promised file is enough, and the only one that is") {
    const std::string content(50'000, 'p');
    const std::string layer = tar({file("dist/x", content), file("z", std::string(3'000'000, 'z'))});
    const std::string top = tar({file("c", "")});
    MemoryRegistry there;
    there.image({layer, top}, "amd64", "tag");
    image::Published image = image::open_published(there.repository, there.name, amd64);
    const image::PackageNote note{.path = "/dist/x", .size = content.size(), .digest = io::sha256(content)};
    std::size_t layers = 0;
    const auto take = [&](const image::PackageNote& promised, const std::string& path = "/dist/x") {
        Told told;
        ExtractedFile out = extract_file(there.repository, image, path, promised, {}, told);
        layers = told.tasks.size();
        return out;
    };

    const ExtractedFile early = take(note);
    CHECK(all_of(early.content.body().open()) == content);
    CHECK(early.was_promised);
    CHECK(early.entry.layer == 0);
    CHECK(early.fetched.bytes < layer.size() / 2);
    CHECK(layers == 2);

    // The history points past the layer above.
    image.config.history = {{"COPY dist/x /dist/x", false}, {"ENV a=b", true}, {"RUN touch c", false}};
    CHECK(take(note).was_promised);
    CHECK(layers == 1);
    for (const std::vector<oci::ImageConfig::History>& history :
         {std::vector<oci::ImageConfig::History>{{"RUN something else", false}, {"RUN touch c", false}},
          {{"ADD", false}, {"COPY dist/x /dist/x", false}},  // a wrong clue costs time only
          {{"COPY dist/x /dist/x", false}}}) {
        image.config.history = history;
        CHECK(take(note).entry.layer == 0);
        CHECK(layers == 2);
    }

    for (const auto& [size, text] : {std::pair{content.size(), "other"}, std::pair<std::size_t, const char*>{3, "p"}}) {
        const image::PackageNote wrong{.path = "dist/./x", .size = size, .digest = io::sha256(text)};
        const std::string message = failure(Fault::integrity, [&] { take(wrong); });
        CHECK(has(message, "the manifest promises"));
    }
    // It is about one file.
    CHECK_FALSE(take(note, "/z").was_promised);
    CHECK(failure(Fault::not_found, [&] { take(note, "/dist/y"); }) == "/dist/y is not in the image");
}

TEST_CASE("a promised file that the image has deleted is still what was promised, and no other is taken for it") {
    MemoryRegistry there;
    there.image({tar({file("x", "old")}), tar({whiteout("x")})}, "amd64", "tag");
    const image::Published image = image::open_published(there.repository, there.name, amd64);
    const image::PackageNote note{.path = "/x", .size = 3, .digest = io::sha256("new")};
    Told told;
    CHECK(failure(Fault::not_found, [&] { extract_file(there.repository, image, "/x", note, {}, told); }) ==
          "/x was deleted by layer 2");
}

TEST_CASE("extract_file says of a foreign layer that it is one") {
    for (const char* media_type : {"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
                                   "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"}) {
        MemoryRegistry there;
        there.image({tar({file("x", "1")})}, "amd64", "tag");
        image::Published image = image::open_published(there.repository, there.name, amd64);
        image.manifest.layers[0].media_type = media_type;
        Told told;
        // Docker may have been told to push it all the same, and takes it from there.
        CHECK(all_of(extract_file(there.repository, image, "/x", {}, {}, told).content.body().open()) == "1");
        there.blobs.erase("/v2/kong/x/blobs/" + image.manifest.layers[0].digest.str());
        CHECK(has(failure(Fault::not_found, [&] { extract_file(there.repository, image, "/x", {}, {}, told); }),
                  "foreign layer"));
    }
}

TEST_CASE("open_published follows an index to the platform's image") {
    MemoryRegistry there;
    const Json first = there.image({tar({file("x", "amd64")})}, "amd64", "");
    const Json second = there.image({tar({file("x", "arm64")})}, "arm64", "");
    there.index(Json::array({row(first, "amd64"), row(second, "arm64")}), "tag");
    const image::Published image = image::open_published(there.repository, there.name, arm64);
    CHECK(image.digest.str() == second.at("digest").get<std::string>());
    CHECK(image.config.architecture == "arm64");
}

TEST_CASE("layers below those that an image's history calls ours are not read for a list") {
    const auto step = [](const std::string& comment, bool is_empty = false) {
        return oci::ImageConfig::History{.created_by = {}, .empty_layer = is_empty, .comment = comment};
    };
    const auto lowest = [](std::vector<oci::ImageConfig::History> history, std::size_t layers) {
        oci::ImageConfig config;
        config.history = std::move(history);
        config.diff_ids.resize(layers);
        return lowest_layer_of(config, [](std::string_view comment) { return comment.starts_with("ours "); });
    };
    CHECK(lowest({step(""), step("ours source"), step("ours build")}, 3) == 1);
    CHECK(lowest({step(""), step("", true), step("x"), step("ours source"), step("", true), step("ours build")}, 4) ==
          2);
    CHECK(lowest({step("ours a"), step(""), step("ours b")}, 3) == 2);
    CHECK(lowest({step("ours a"), step("ours b")}, 2) == 0);
    CHECK(lowest({step(""), step("ours a"), step("")}, 3) == 0);  // something that is not ours is above
    CHECK(lowest({step(""), step("ours a")}, 3) == 0);            // it does not tell of each layer
    CHECK(lowest({}, 2) == 0);

    MemoryRegistry there;
    there.image({tar({file("d/x", "base"), file("e/x", "base")}), tar({file("d/y", "top")})}, "amd64", "tag");
    const auto image = image::open_published(there.repository, there.name, amd64);
    const auto paths = [&](const std::string& path) {
        Told told;
        const auto [tree, fetched] =
            extract_tree(there.repository, image, Selection::parse(path), Content::left, {}, told, 1);
        std::string out;
        for (const auto& [name, entry] : tree.entries) out += name + " ";
        return out + std::to_string(fetched.layers);
    };
    CHECK(paths("/d/.") == "y 1");
    CHECK(paths("/e/.") == "x 3");  // nothing without the base: then all are read
    CHECK(paths("/*/x") == "d/x e/x 3");
}

TEST_CASE("open_published asks the configs where an index states no platform, as docker and crane do") {
    MemoryRegistry there;
    const Json first = there.image({tar({file("x", "amd64")})}, "amd64", "");
    const Json second = there.image({tar({file("x", "arm64")})}, "arm64", "");
    const auto opened = [&](const Json& rows) {
        there.index(rows, "tag");
        return image::open_published(there.repository, there.name, arm64).digest.str();
    };
    const std::string wanted = second.at("digest");
    CHECK(opened(Json::array({second})) == wanted);
    CHECK(opened(Json::array({first, second})) == wanted);
    CHECK(opened(Json::array({first, row(second, "arm64")})) == wanted);
    // An entry may itself be an index, may be gone, and may be no image.
    CHECK(opened(Json::array({there.index(Json::array({first, second}), "")})) == wanted);
    CHECK(opened(Json::array({row(there.index(Json::array({second}), ""), "arm64")})) == wanted);
    Json gone = second;
    gone["digest"] = io::sha256("nothing").str();
    const Json artifact = there.image_of(there.blob("{}", "application/vnd.oci.empty.v1+json"), Json::array(), "");
    CHECK(opened(Json::array({gone, artifact, second})) == wanted);
    CHECK(opened(Json::array({row(artifact, "arm64"), row(second, "arm64")})) == wanted);
    CHECK(failure(Fault::not_found, [&] { opened(Json::array({first})); }) ==
          "the image is not for linux/arm64: it has linux/amd64");
    CHECK(has(failure(Fault::not_found, [&] { opened(Json::array({first, gone})); }), "which is not there"));
}

TEST_CASE("an architecture by the kernel's name is the one that docker means, in a config and in an index") {
    MemoryRegistry there;
    const Json image = there.image({tar({file("x", "1")})}, "aarch64", "tag");
    CHECK(image::open_published(there.repository, there.name, arm64).config.architecture == "aarch64");
    there.index(Json::array({row(image, "aarch64")}), "tag");
    CHECK(image::open_published(there.repository, there.name, arm64).digest.str() == image.at("digest"));
    there.image({tar({file("x", "1")})}, "x86_64", "tag");
    CHECK_NOTHROW(image::open_published(there.repository, there.name, amd64));
    CHECK_THROWS_AS(image::open_published(there.repository, there.name, arm64), Error);
}

TEST_CASE("an artifact is called one, also where its config is only in the manifest") {
    MemoryRegistry there;
    const Json layer = there.blob("text", "application/gzip");
    Json config{{"mediaType", "application/vnd.oci.empty.v1+json"},
                {"digest", io::sha256("{}").str()},
                {"size", 2},
                {"data", "e30="}};
    Json manifest{{"schemaVersion", 2},
                  {"mediaType", oci::media_type::oci_manifest},
                  {"artifactType", "application/vnd.example.report"},
                  {"config", config},
                  {"layers", Json::array({layer})}};
    const auto said = [&] {
        there.manifest(manifest, "tag");
        return failure(Fault::not_found, [&] { image::open_published(there.repository, there.name, amd64); });
    };
    CHECK(said() == "it is an artifact of the type application/vnd.example.report, not an image");
    manifest.erase("artifactType");
    manifest["config"] = there.blob("{}", "application/vnd.cncf.helm.config.v1+json");
    CHECK(said() == "it is an artifact of the type application/vnd.cncf.helm.config.v1+json, not an image");
}

TEST_CASE("what a manifest has of its blobs itself is taken from there, when it is what the digest says") {
    MemoryRegistry there;
    const std::string layer = tar({file("x", "inline")});
    const Json plain = there.image({layer}, "amd64", "");
    Json manifest = Json::parse(there.blobs.at("/v2/kong/x/manifests/" + plain.at("digest").get<std::string>()).body);
    for (Json* part : {&manifest["config"], &manifest["layers"][0]}) {
        const std::string path = "/v2/kong/x/blobs/" + (*part)["digest"].get<std::string>();
        (*part)["data"] = io::base64_encode(there.blobs.at(path).body);
        there.blobs.erase(path);
    }
    there.manifest(manifest, "tag");
    const image::Published image = image::open_published(there.repository, there.name, amd64);
    Told told;
    CHECK(all_of(extract_file(there.repository, image, "/x", {}, {}, told).content.body().open()) == "inline");
    manifest["config"]["data"] = "e30=";
    there.manifest(manifest, "tag");
    CHECK_THROWS_AS(image::open_published(there.repository, there.name, amd64), Error);
}

TEST_CASE("open_published takes a digest") {
    MemoryRegistry there;
    const Json manifest = there.image({tar({})}, "amd64", "");
    const Digest digest = Digest::parse(manifest.at("digest").get<std::string>());
    CHECK(image::open_published(there.repository, there.name.with_digest(digest), amd64).digest == digest);
}

TEST_CASE("open_published says what is wrong") {
    MemoryRegistry there;
    const auto opened = [&](Fault fault) {
        return failure(fault, [&] { image::open_published(there.repository, there.name, amd64); });
    };
    const std::string layer = tar({});
    CHECK(opened(Fault::not_found) == "the registry has no " + there.name.familiar());

    const Json arm = there.image({layer}, "arm64", "tag");
    CHECK(opened(Fault::not_found) == "the image is not for linux/amd64: it has linux/arm64");
    there.index(Json::array({row(arm, "amd64")}), "tag");  // the index is wrong about it
    CHECK(opened(Fault::not_found) == "the image is not for linux/amd64: it has linux/arm64");

    Json missing = arm;
    missing["digest"] = io::sha256("nothing").str();
    there.index(Json::array({row(missing, "amd64")}), "tag");
    CHECK(has(opened(Fault::not_found), "which is not there"));
    Json inner = there.index(Json::array({row(arm, "amd64")}), "");
    for (int i = 0; i < 4; ++i) inner = there.index(Json::array({inner}), i == 3 ? "tag" : "");
    CHECK(has(opened(Fault::integrity), "too many indexes"));

    const Json config =
        there.blob(R"({"os":"linux","architecture":"amd64","rootfs":{"diff_ids":[]}})", oci::media_type::oci_config);
    there.image_of(config, Json::array({there.blob(layer, oci::media_type::oci_layer_tar)}), "tag");
    CHECK(has(opened(Fault::integrity), "the manifest has 1 layers, the config 0"));
    there.image(std::vector<std::string>(513, layer), "amd64", "tag");
    CHECK(has(opened(Fault::integrity), "513 layers"));

    there.image_of(there.blob("{}", oci::media_type::oci_config), Json::array(), "tag");
    CHECK(has(opened(Fault::integrity), "this is no image config"));
    there.image_of(there.blob(std::string((8 << 20) + 1, ' '), oci::media_type::oci_config), Json::array(), "tag");
    CHECK(has(opened(Fault::integrity), "more than the"));
}

TEST_SUITE_END();

}  // namespace wasmx::extract
