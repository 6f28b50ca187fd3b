// SPDX-License-Identifier: Apache-2.0
#include "push/push.hpp"

#include <doctest/doctest.h>

#include <mutex>

#include "push/fake_engine.hpp"
#include "push/memory_registry.hpp"

using namespace wasmx;
using namespace wasmx::push;
using Kind = FakeEngine::Kind;
using Form = FakeEngine::Form;

namespace {

/// What people are told; for several threads.
class Told final : public Progress {
public:
    std::unique_ptr<Task> task(std::string name, std::uint64_t) override {
        add(name);
        return std::make_unique<Row>();
    }
    void note(std::string_view line) override { add(std::string(line)); }
    void warn(std::string_view line) override { add("warning: " + std::string(line)); }
    std::string all() {
        const std::lock_guard lock(mutex_);
        return lines_;
    }

private:
    class Row final : public Task {
        void advance(std::uint64_t) override {}
        void log(std::string_view, Stream) override {}
        void done(std::string_view) override {}
        void failed(std::string_view) override {}
    };
    void add(const std::string& line) {
        const std::lock_guard lock(mutex_);
        lines_ += line + "\n";
    }
    std::mutex mutex_;
    std::string lines_;
};

// More than a mebibyte: such a layer is uploaded while it is compressed.
test::Members large_layer() {
    std::string noise;
    for (std::uint32_t i = 1; noise.size() < 2'000'000; i = i * 1664525 + 1013904223)
        noise += static_cast<char>(i >> 24);
    return {test::folder("usr"), test::file("usr/large", noise), test::file("usr/z", "last")};
}

struct Scene {
    explicit Scene(Kind kind) : engine(kind) {
        engine.add_layer(large_layer(), Form::tar);
        engine.add_layer({test::file("b", "2"), test::file("a", "1"), test::whiteout("c")});
        engine.add_layer({});
        engine.add_layer({test::file("top", "3")});
        engine.start();
    }

    Digest push(Via via = Via::automatic) {
        result = run(via);
        return result.digest;
    }

    PushResult run(Via via) {
        std::promise<oci::Annotations> admitted;
        admitted.set_value({{"title", "x"}});
        PushOptions options{.image = "x:1",
                            .info = engine.info(),
                            .target = oci::Reference::parse(registry.host() + "/kong/x:1"),
                            .admitted = admitted.get_future().share()};
        options.via = via;
        io::HttpClient http(std::stop_token(), "test");
        registry::Repository repository(http, options.target, {.access = registry::Access::push});
        image::LayerCache cache(folder->path() / "cache", 1 << 30, [](const std::string& line) { FAIL(line); });
        told = std::make_unique<Told>();
        return push_image(engine.engine(), repository, cache, options, *told);
    }

    // The image is there, layer by layer, under the manifest that was said.
    void check(const Digest& digest) {
        const std::string manifest = registry.manifest("1");
        CHECK(io::sha256(manifest) == digest);
        const auto parsed = oci::Manifest::parse(manifest);
        CHECK(parsed.annotations == oci::Annotations{{"title", "x"}});
        const auto blobs = registry.blobs();
        CHECK(blobs.at(parsed.config.digest.str()) == engine.config);
        REQUIRE(parsed.layers.size() == 4);
        for (std::size_t i = 0; i < parsed.layers.size(); ++i) {
            const std::string& blob = blobs.at(parsed.layers[i].digest.str());
            CHECK(blob.size() == parsed.layers[i].size);
            CHECK(parsed.layers[i].media_type == oci::media_type::oci_layer_gzip);
            CHECK(test::all_of(io::decompressed(io::from_string(blob))) == engine.layer(i));
        }
        CHECK(engine.containers() == 0);
    }

    void forget_cache() { folder = std::make_unique<test::Folder>(); }
    bool says(const std::string& part) const { return told->all().find(part) != std::string::npos; }

    FakeEngine engine;
    MemoryRegistry registry;
    std::unique_ptr<test::Folder> folder = std::make_unique<test::Folder>();
    std::unique_ptr<Told> told;
    PushResult result;
};

// One letter a layer, base first: e existed, m mounted, c cached, s store, x export.
std::string origins_of(const PushResult& result) {
    std::string out;
    for (const PushedLayer& layer : result.layers) out += "emcsx"[static_cast<int>(layer.origin)];
    return out;
}

std::string record_of(const FakeEngine& engine, std::size_t layer) {
    Digest chain = engine.info().diff_ids[0];
    for (std::size_t i = 1; i <= layer; ++i) chain = io::sha256(chain.str() + " " + engine.info().diff_ids[i].str());
    return std::string(FakeEngine::root) + "/image/overlay2/layerdb/sha256/" + chain.hex();
}

std::string content_path(const std::string& bytes) {
    return std::string(FakeEngine::content) + "/sha256/" + io::sha256(bytes).hex();
}

}  // namespace

TEST_SUITE_BEGIN("push");

TEST_CASE("an image arrives from every kind of engine, and again without asking the engine for a layer") {
    const struct {
        Kind kind;
        std::string way;
        bool falls_back;
    } rows[] = {{Kind::overlay2, ", by store,", false},
                {Kind::containerd, ", by store,", false},
                {Kind::podman, ", by export,", false},
                {Kind::vfs, ", by export,", true}};
    for (const auto& row : rows) {
        CAPTURE(static_cast<int>(row.kind));
        Scene scene(row.kind);
        const Digest digest = scene.push();
        scene.check(digest);
        CHECK(scene.says(row.way));
        CHECK(scene.says("warning") == row.falls_back);
        CHECK(scene.engine.count("GET", "/get") == (row.way == ", by export," ? 1 : 0));
        const std::size_t uploads = scene.registry.uploads();
        CHECK(origins_of(scene.result) == (row.way == ", by export," ? "xxxx" : "ssss"));
        CHECK(scene.result.sent > 0);
        CHECK(scene.result.reference.ends_with("/kong/x:1@" + digest.str()));
        CHECK(scene.push() == digest);
        CHECK(scene.says("4 of 4 layers already existed, 0 B sent"));
        CHECK(origins_of(scene.result) == "eeee");
        CHECK(scene.result.sent == 0);
        CHECK(scene.registry.uploads() == uploads);
        // On another machine, with nothing in its cache, the same bytes come out.
        scene.forget_cache();
        CHECK(scene.push() == digest);
        scene.check(digest);
    }
}

TEST_CASE("--via decides") {
    for (const Kind kind : {Kind::overlay2, Kind::containerd, Kind::podman, Kind::vfs}) {
        CAPTURE(static_cast<int>(kind));
        Scene scene(kind);
        scene.check(scene.push(Via::exported));
        CHECK(scene.says(", by export,"));
        CHECK(scene.engine.count("POST", "/containers/create") == 0);
        scene.forget_cache();
        const bool has_store = kind == Kind::overlay2 || kind == Kind::containerd;
        if (has_store) {
            scene.check(scene.push(Via::store));
            CHECK(scene.engine.count("GET", "/get") == 1);
        } else {
            CHECK(test::error_of([&] { scene.push(Via::store); }).hint().find("--via auto") != std::string::npos);
        }
    }
}

TEST_CASE("what the engine has compressed stays as it is") {
    Scene scene(Kind::containerd);
    scene.check(scene.push());
    const auto blobs = scene.registry.blobs();
    for (const std::size_t i : {1U, 2U, 3U})
        CHECK(blobs.contains(io::sha256(test::gzipped(scene.engine.layer(i))).str()));
    // The base was stored as a plain tar.
    CHECK(scene.says("sealing layer"));
}

TEST_CASE("a layer that the registry has is not read from the engine") {
    Scene scene(Kind::containerd);
    scene.registry.keep(test::gzipped(scene.engine.layer(3)));
    scene.check(scene.push());
    const auto reads = [&](std::size_t layer) {
        return scene.engine.count("GET", io::sha256(test::gzipped(scene.engine.layer(layer))).hex());
    };
    CHECK(reads(3) == 0);
    CHECK(reads(1) == 1);
    CHECK(scene.says("1 of 4 layers already existed"));
    CHECK(origins_of(scene.result) == "ssse");
}

TEST_CASE("a layer that the store lacks or has otherwise comes by export, and that is told") {
    SUBCASE("no record of it") {
        Scene scene(Kind::overlay2);
        scene.engine.files.erase(record_of(scene.engine, 1) + "/tar-split.json.gz");
        scene.check(scene.push());
        CHECK(scene.says(", by store and export,"));
        CHECK(origins_of(scene.result) == "sxss");
    }
    SUBCASE("a file that was changed") {
        Scene scene(Kind::overlay2);
        scene.engine.trees[std::string(FakeEngine::root) + "/overlay2/cache1/diff"] =
            test::folder_tar({test::file("b", "x"), test::file("a", "1")});
        scene.check(scene.push());
        CHECK(scene.says("falling back to export"));
    }
    SUBCASE("a large file that was changed, which was on its way already") {
        Scene scene(Kind::overlay2);
        auto members = large_layer();
        members[1].text.back() ^= 1;
        scene.engine.trees[std::string(FakeEngine::root) + "/overlay2/cache0/diff"] = test::folder_tar(members);
        scene.check(scene.push());
        CHECK(scene.says("falling back to export"));
    }
    SUBCASE("a blob that was never kept") {
        Scene scene(Kind::containerd);
        scene.engine.files.erase(content_path(test::gzipped(scene.engine.layer(1))));
        scene.check(scene.push());
        CHECK(scene.says(", by store and export,"));
    }
    SUBCASE("with --via store it is an error") {
        Scene scene(Kind::overlay2);
        scene.engine.files.erase(record_of(scene.engine, 1) + "/tar-split.json.gz");
        CHECK(test::error_of([&] { scene.push(Via::store); }).fault() == Fault::failed);
        CHECK(scene.registry.manifest("1").empty());
        CHECK(scene.engine.containers() == 0);
    }
}

TEST_CASE("a store that cannot be opened is told, and the image exported") {
    SUBCASE("bind mounts are not allowed") {
        Scene scene(Kind::overlay2);
        scene.engine.allows_mounts = false;
        scene.check(scene.push());
        CHECK(scene.says("bind mounts are not allowed"));
    }
    SUBCASE("the config is another") {
        Scene scene(Kind::overlay2);
        for (auto& [path, bytes] : scene.engine.files)
            if (bytes == scene.engine.config) bytes += " ";
        scene.check(scene.push());
        CHECK(scene.says("falling back to export"));
    }
    SUBCASE("containerd's is elsewhere") {
        Scene scene(Kind::containerd);
        std::map<std::string, std::string> moved;
        for (const auto& [path, bytes] : scene.engine.files)
            moved["/var/lib/containerd/io.containerd.content.v1.content/blobs" +
                  path.substr(std::string(FakeEngine::content).size())] = bytes;
        SUBCASE("the system's own") {
            scene.engine.files = moved;
            scene.check(scene.push());
            CHECK(scene.says(", by store,"));
        }
        SUBCASE("nowhere that we know") {
            scene.engine.files.clear();
            scene.check(scene.push());
            CHECK(scene.says("falling back to export"));
        }
    }
    SUBCASE("a blob that is damaged never arrives") {
        Scene scene(Kind::containerd);
        std::string& blob = scene.engine.files.at(content_path(test::gzipped(scene.engine.layer(1))));
        blob.back() = static_cast<char>(blob.back() ^ 1);
        CHECK(test::error_of([&] { scene.push(); }).fault() == Fault::integrity);
        CHECK(scene.registry.manifest("1").empty());
        CHECK(scene.engine.containers() == 0);
    }
}

TEST_CASE("an answer of the registry that is lost is asked for again") {
    for (const Kind kind : {Kind::overlay2, Kind::containerd, Kind::podman}) {
        for (std::size_t number = 1; number <= 24; number += 4) {
            CAPTURE(static_cast<int>(kind));
            CAPTURE(number);
            Scene scene(kind);
            scene.registry.lose_answer(number);
            scene.check(scene.push());
        }
    }
}

TEST_SUITE_END();
