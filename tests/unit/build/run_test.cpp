// SPDX-License-Identifier: Apache-2.0
#include "build/run.hpp"

#include <doctest/doctest.h>

#include "build/messages.hpp"
#include "build/runtime_image.hpp"
#include "engine/scene.hpp"
#include "io/base64.hpp"
#include "support/recording.hpp"

using namespace wasmx;
using namespace wasmx::build;
using engine::Builder;
using engine::contains;
using engine::json_reply;
using engine::pong;
using Lines = std::vector<std::string>;

namespace {

engine::Scene::Step info_step() {
    return {"GET /v1.41/info", json_reply(200, R"({"ServerVersion":"28.5.2","OSType":"linux"})")};
}
engine::Scene::Step build_step(const std::string& stream) { return {"POST /v1.41/build?*", json_reply(200, stream)}; }

std::string traced(const Message& message) {
    return R"({"id":"moby.buildkit.trace","aux":")" + io::base64_encode(message.bytes()) + "\"}\r\n";
}

std::string run_on(engine::Scene& scene, test::Recording& progress) {
    return run(scene.engine(), {.tags = {"x:1"}, .dockerfile = "Dockerfile", .platform = {}, .args = {}, .labels = {}},
               io::body_of("tar"), progress);
}

const std::string image_line = "{\"id\":\"moby.image.id\",\"aux\":{\"ID\":\"sha256:1\"}}\r\n";

/// A tree of no files: what labels are made of.
class BareTree final : public source::Tree {
public:
    const std::string& description() const override { return url_; }
    const std::optional<std::string>& revision() const override { return revision_; }
    const std::string& url() const override { return url_; }
    std::int64_t date() const override { return 1'700'000'000; }
    bool has_files() const override { return false; }
    std::optional<std::string> find_file(const std::string&) const override { return std::nullopt; }
    std::optional<std::string> find_tree_id(const std::string&) const override { return std::nullopt; }
    std::function<std::optional<io::TarMember>()> members(const std::string&, const std::string&,
                                                          Ignore) const override {
        return [] { return std::nullopt; };
    }
    Extent extent() const override { return {}; }

    std::string url_ = "https://github.com/Kong/ngx_wasm_module.git";
    std::optional<std::string> revision_ = std::string(40, 'a');
};

}  // namespace

TEST_SUITE_BEGIN("build");

TEST_CASE("a build: its steps are told, its image returned") {
    const test::Variable wish("DOCKER_BUILDKIT", std::nullopt);
    engine::Scene scene(
        {info_step(),
         build_step(traced(Message().step({.digest = "a", .name = "RUN make", .started = true, .completed = true})) +
                    image_line)});
    test::Recording progress;
    CHECK(run_on(scene, progress) == "sha256:1");
    CHECK(progress.lines == Lines{"+RUN make", "RUN make: done"});
    CHECK(scene.verdict().empty());
    CHECK(contains(scene.seen()[1].target, "version=2"));
}

TEST_CASE("a failed step: its name, its code, its last lines, the cause") {
    const test::Variable wish("DOCKER_BUILDKIT", std::nullopt);
    const std::string error =
        R"({"errorDetail":{"message":"process \"/bin/bash -c the whole script\" did not complete successfully: exit code: 2"},"error":"x"})";
    engine::Scene scene(
        {info_step(),
         build_step(
             traced(Message()
                        .step({.digest = "a", .name = "RUN make", .started = true})
                        .log("a", "g++: Killed signal terminated program cc1plus\nmake: Error 2\n")) +
             traced(Message().step(
                 {.digest = "a", .name = "RUN make", .started = true, .completed = true, .error = "exit code: 2"})) +
             error)});
    test::Recording progress;
    const Error failure = engine::error_of([&] { run_on(scene, progress); });
    CHECK(failure.fault() == Fault::failed);
    CHECK(failure.message() == "step RUN make failed: exit code 2");
    CHECK(failure.lines() == Lines{"g++: Killed signal terminated program cc1plus", "make: Error 2"});
    CHECK(contains(failure.hint(), "memory"));
    CHECK(scene.verdict().empty());
}

TEST_CASE("an error that is no step's, a killed step, an end without a word") {
    const test::Variable wish("DOCKER_BUILDKIT", "0");
    test::Recording progress;
    const auto failure_of = [&](const std::string& stream) {
        engine::Scene scene({info_step(), build_step(stream)});
        return engine::error_of([&] { run_on(scene, progress); });
    };
    const Error copy = failure_of(R"({"error":"COPY failed: \u001b[1mno such file"})");
    CHECK(copy.message() == "COPY failed: no such file");
    CHECK(copy.lines().empty());
    const Error killed = failure_of(
        "{\"stream\":\"Step 1/1 : RUN "
        "make\\n\"}\r\n{\"errorDetail\":{\"code\":137,\"message\":\"x\"},\"error\":\"x\"}");
    CHECK(killed.message() == "step [1/1] RUN make failed: exit code 137");
    CHECK(contains(killed.hint(), "memory"));
    CHECK(contains(failure_of("").message(), "without an image and without a reason"));
    const Error long_one = failure_of("{\"error\":\"begin " + std::string(5000, 'x') + " end\"}");
    CHECK(long_one.message().size() < 500);
    CHECK(contains(long_one.message(), "begin"));
    CHECK(long_one.message().ends_with("end"));
    CHECK(contains(failure_of("{\"aux\":{\"ID\":\"sha256:1\"}}\r\n{\"error\":\"late\"}").message(), "late"));
}

TEST_CASE("a connection that breaks off names the step that ran") {
    const test::Variable wish("DOCKER_BUILDKIT", "0");
    const std::string line = "{\"stream\":\"Step 1/1 : RUN make\\nhalf a line\"}\r\n";
    engine::Scene broken(
        {info_step(), {"POST /v1.41/build?*", {.body = line, .drop_reply_at = line.size(), .claimed_length = 5000}}});
    test::Recording progress;
    const Error failure = engine::error_of([&] { run_on(broken, progress); });
    CHECK(failure.fault() == Fault::unavailable);
    CHECK(failure.frames() == Lines{"running step [1/1] RUN make"});
    CHECK(failure.lines() == Lines{"half a line"});
    REQUIRE_FALSE(progress.lines.empty());
    CHECK(progress.lines.back() == "[1/1] RUN make: FAILED failed");
}

TEST_CASE("labels follow from recipe, tree and base, and say nothing where nothing is known") {
    const recipe::Recipe recipe{recipe::Runtime::v8, "13.1.201.15", oci::Platform(oci::Architecture::arm64)};
    const std::string prefix = "org.opencontainers.image.";
    BareTree tree;
    const auto labels =
        labels_of(recipe, tree, {.name = "wasmx-build-ubuntu", .id = "sha256:x", .digest = "sha256:d", .diff_ids = {}});
    CHECK(labels == std::map<std::string, std::string>{
                        {prefix + "source", "https://github.com/Kong/ngx_wasm_module"},
                        {prefix + "revision", std::string(40, 'a')},
                        {prefix + "version", "13.1.201.15"},
                        {prefix + "created", "2023-11-14T22:13:20Z"},
                        {prefix + "title", "ngx_wasm_module runtime: v8 13.1.201.15 for linux/arm64"},
                        {prefix + "licenses", "Apache-2.0"},
                        {prefix + "base.name", "wasmx-build-ubuntu"},
                        {prefix + "base.digest", "sha256:d"},
                    });
    tree.url_.clear();
    tree.revision_.reset();
    const auto plain = labels_of(recipe, tree, {.name = "b", .id = "b", .digest = {}});
    CHECK_FALSE(plain.contains(prefix + "source"));
    CHECK_FALSE(plain.contains(prefix + "revision"));
    CHECK_FALSE(plain.contains(prefix + "base.digest"));
}

TEST_SUITE_END();
