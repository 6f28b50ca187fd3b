// SPDX-License-Identifier: Apache-2.0
#include "push/folders.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/scene.hpp"
#include "support/recording.hpp"

using namespace wasmx;
using namespace wasmx::push;

namespace {

const engine::Scene::Step create{"POST /v1.41/containers/create", engine::json_reply(201, R"({"Id":"c1"})")};
const engine::Scene::Step remove_it{"DELETE /v1.41/containers/c1?force=1&v=1", {.status = 204}};
const engine::Scene::Step list{"GET /v1.41/containers/json*", engine::json_reply(200, "[]")};
// Of a folder with nothing in it: an end, which is all of its layer.
const std::string empty_folder(1024, '\0');
const Digest empty_layer = io::sha256(empty_folder);
const Digest another = io::sha256("another");
const Digest known = io::sha256("known");

engine::Scene::Step folder(int i, test::Reply reply) {
    return {fmt::format("GET /v1.41/containers/c1/archive?path=%2F{}%2F.", i), std::move(reply)};
}

/// What became of the layers: their diff IDs, those that were given up as "-".
class Sinks {
public:
    image::SealHooks hooks() {
        return {.known =
                    [](const Digest& diff_id) {
                        return diff_id == known ? std::optional(oci::Descriptor{}) : std::nullopt;
                    },
                .new_sink = [this] { return std::make_unique<Sink>(became); }};
    }
    std::vector<std::string> became;

private:
    class Sink final : public image::LayerSink {
    public:
        explicit Sink(std::vector<std::string>& became) : became_(became) {}
        ~Sink() override {
            if (!is_sealed_) became_.emplace_back("-");
        }
        void write(std::span<const std::byte>) override {}
        void promised(const oci::Descriptor&) override {}
        void begun(const std::optional<Digest>&, std::uint64_t) override {
            FAIL("it may still turn out to be another");
        }
        void sealed(const std::optional<Digest>& diff_id, const oci::Descriptor& form) override {
            is_sealed_ = true;
            CHECK(form.media_type == oci::media_type::oci_layer_gzip);
            became_.push_back(diff_id.value().str());
        }
        io::Body body() const override { return {}; }

    private:
        std::vector<std::string>& became_;
        bool is_sealed_ = false;
    };
};

struct Outcome {
    std::size_t count = 0;
    std::vector<std::string> became;
    std::vector<std::string> lines;
};

Outcome read_from(engine::Scene& scene, std::vector<Digest> diff_ids) {
    engine::ImageInfo image{.id = "sha256:ab"};
    for (std::size_t i = 0; i < diff_ids.size(); ++i) image.layer_folders.push_back(fmt::format("/folder/{}", i));
    image.diff_ids = std::move(diff_ids);
    Sinks sinks;
    test::Recording progress;
    FromFolders got = seal_folders(scene.engine(), image, {{empty_layer, 1024}}, sinks.hooks(), progress);
    if (got.tidied.valid()) got.tidied.get();
    CHECK(scene.verdict().empty());
    return {got.count, sinks.became, progress.lines};
}

}  // namespace

TEST_SUITE_BEGIN("push");

TEST_CASE("folders: what is missing, from the top down, until one makes another layer") {
    engine::Scene scene(
        {create, folder(0, {.body = empty_folder}), folder(1, {.body = empty_folder}), remove_it, list});
    const auto out = read_from(scene, {io::sha256("never read"), another, known, empty_layer, empty_layer});
    CHECK(out.count == 1);
    CHECK(out.became == std::vector<std::string>{empty_layer.str(), "-"});
    const auto mounts = nlohmann::json::parse(scene.seen()[0].body).at("HostConfig").at("Mounts");
    CHECK(mounts.size() == 3);  // one that is there twice is read once
    CHECK(mounts[0].at("Source") == "/folder/4");
    CHECK(mounts[1].at("Source") == "/folder/1");
}

TEST_CASE("folders: what is no archive of docker's is another layer") {
    engine::Scene scene({create, folder(0, {.body = "no tar"}), remove_it, list});
    const auto out = read_from(scene, {empty_layer});
    CHECK(out.count == 0);
    CHECK(out.became == std::vector<std::string>{"-"});
}

TEST_CASE("folders: an engine that does not give them is told, and keeps nobody from another way") {
    SUBCASE("no container") {
        engine::Scene scene(
            {{"POST /v1.41/containers/create", engine::json_reply(403, R"({"message":"no bind mounts"})")}});
        const auto out = read_from(scene, {empty_layer});
        CHECK(out.count == 0);
        REQUIRE(out.lines.size() == 1);
        CHECK(engine::contains(out.lines[0], "no bind mounts"));
    }
    SUBCASE("it breaks off") {
        engine::Scene scene({create, folder(0, {.body = empty_folder, .drop_reply_at = 700}), remove_it});
        const auto out = read_from(scene, {empty_layer});
        CHECK(out.count == 0);
        CHECK(out.became == std::vector<std::string>{"-"});
    }
}

TEST_SUITE_END();
