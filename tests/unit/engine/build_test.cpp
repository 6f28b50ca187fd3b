// SPDX-License-Identifier: Apache-2.0
// What Engine::build sends, and what it makes of the answers.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <map>

#include "base/text.hpp"
#include "engine/scene.hpp"
#include "io/base64.hpp"

using namespace wasmx;
using namespace wasmx::engine;

namespace {

const std::string id = "sha256:" + std::string(64, 'c');

struct Heard {
    BuildOutcome outcome;
    std::vector<BuildEvent> events;
};

Heard build(Scene& scene,
            const BuildRequest& request =
                {.tags = {"x:1"}, .dockerfile = "Dockerfile", .platform = {}, .args = {}, .labels = {}},
            const io::Body& context = {.size = {}, .open = [] { return io::from_string("a tar"); }}) {
    Heard out;
    out.outcome = scene.engine().build(request, context, [&](const BuildEvent& event) { out.events.push_back(event); });
    return out;
}

Heard heard_of(const std::string& stream, const test::Reply& ping = pong()) {
    Scene scene({{"POST /v1.41/build?*", json_reply(200, stream)}}, ping);
    return build(scene);
}

std::string unescaped(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        out += text[i] == '%' ? static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16)) : text[i];
        if (text[i] == '%') i += 2;
    }
    return out;
}

std::multimap<std::string, std::string> query_of(const test::Seen& seen) {
    std::multimap<std::string, std::string> out;
    const auto query = std::string_view(seen.target).substr(seen.target.find('?') + 1);
    for (const std::string_view pair : split(query, '&'))
        out.emplace(pair.substr(0, pair.find('=')), unescaped(pair.substr(pair.find('=') + 1)));
    return out;
}

}  // namespace

TEST_SUITE_BEGIN("engine");

TEST_CASE("what a build sends") {
    Scene scene({{"POST /v1.41/build?*", json_reply(200, "")}, {"GET /v1.41/info", json_reply(200, "{}")}});
    const std::string context(3'000'000, 'x');
    build(scene,
          {.builder = Builder::buildkit,
           .tags = {"ghcr.io/kong/x:1", "x:2"},
           .dockerfile = "sub/File",
           .platform = "linux/arm64",
           .args = {{"LINES", "a=b\nc&d"}},
           .labels = {{"l", "ü \"q\""}},
           .no_cache = true},
          {.size = {}, .open = [&] { return io::from_string(context); }});
    const auto seen = scene.seen().at(0);
    const auto query = query_of(seen);
    CHECK(query.find("version")->second == "2");
    CHECK(query.count("t") == 2);
    CHECK(query.find("t")->second == "ghcr.io/kong/x:1");
    CHECK(query.find("dockerfile")->second == "sub/File");
    CHECK(query.find("platform")->second == "linux/arm64");
    CHECK(nlohmann::json::parse(query.find("buildargs")->second) == nlohmann::json{{"LINES", "a=b\nc&d"}});
    CHECK(nlohmann::json::parse(query.find("labels")->second) == nlohmann::json{{"l", "ü \"q\""}});
    CHECK(query.find("nocache")->second == "1");
    CHECK(query.find("rm")->second == "1");
    CHECK(query.find("forcerm")->second == "1");
    CHECK_FALSE(query.contains("remote"));
    CHECK(seen.header("Content-Type") == "application/x-tar");
    CHECK(seen.header("Transfer-Encoding") == "chunked");
    CHECK(seen.body == context);
    CHECK_FALSE(seen.headers.contains("expect"));  // dockerd 29 breaks such a build off

    // The ping's connection, and the build's own: were its sending half closed, which ends a build, it could not carry
    // this.
    scene.engine().info();
    CHECK(scene.connections() == 2);
    CHECK(scene.verdict().empty());
}

TEST_CASE("the classic builder, and what is left out") {
    Scene scene({{"POST /v1.41/build?version=1&*", json_reply(200, "")}});
    build(scene,
          {.builder = Builder::classic,
           .tags = {"x"},
           .dockerfile = "Dockerfile",
           .platform = {},
           .args = {},
           .labels = {}},
          io::body_of("tar"));
    const auto query = query_of(scene.seen().at(0));
    CHECK_FALSE(query.contains("platform"));
    CHECK_FALSE(query.contains("nocache"));
    CHECK(query.find("buildargs")->second == "{}");
    CHECK(scene.seen()[0].header("Content-Length") == "3");
}

TEST_CASE("BuildKit: traces are handed on as bytes, the image's id is read") {
    const std::string message("\x0a\x04\x1a\x02hi\xff\x00", 9);
    const auto heard = heard_of(
        "{\"id\":\"moby.buildkit.trace\",\"aux\":\"" + io::base64_encode(message) + "\"}\r\n" +
        "{\"id\":\"moby.buildkit.trace\",\"aux\":\"!! no base64\"}\r\n{\"id\":\"moby.buildkit.trace\",\"aux\":{}}\r\n" +
        "{\"id\":\"moby.image.id\",\"aux\":{\"ID\":\"" + id +
        "\"}}\r\n{\"stream\":\"Successfully tagged x:1\\n\"}\r\n");
    REQUIRE(heard.events.size() == 2);
    CHECK(heard.events[0].kind == BuildEvent::Kind::trace);
    CHECK(heard.events[0].bytes == message);
    CHECK(heard.events[1].kind == BuildEvent::Kind::text);
    CHECK(heard.events[1].bytes == "Successfully tagged x:1\n");
    CHECK(heard.outcome.image_id == id);
    CHECK(heard.outcome.error.empty());
    CHECK_FALSE(heard.outcome.exit_code);
}

TEST_CASE("the classic builder tells an id for each stage: the last one is the image's") {
    for (const std::string end : {"\n", "\r\n"}) {
        const auto heard = heard_of("{\"stream\":\"Step 1/2 : FROM x\"}" + end + "{\"stream\":\"\\n\"}" + end +
                                    "{\"aux\":{\"ID\":\"sha256:first\"}}" + end + "{\"aux\":{\"ID\":\"" + id + "\"}}" +
                                    end + "{\"aux\":{\"ID\":\"\"}}" + end + "{\"stream\":\"end\"}");
        CHECK(heard.outcome.image_id == id);
        REQUIRE(heard.events.size() == 3);
        CHECK(heard.events[2].bytes == "end");
    }
}

TEST_CASE("errors: whose code is it, and where does it stand") {
    struct Row {
        const char* line;
        const char* error;
        std::optional<int> code;
    };
    const Row rows[] = {
        {R"({"errorDetail":{"code":37,"message":"The command '/bin/sh -c x' returned a non-zero code: 37"},"error":"The command"})",
         "The command '/bin/sh -c x' returned a non-zero code: 37", 37},
        {R"({"error":"The command","errorDetail":{"message":"The command returned","code":2}})", "The command returned",
         2},  // as 29 writes it
        {R"({"errorDetail":{"message":"process \"/bin/sh -c x\" did not complete successfully: exit code: 137"},"error":"process"})",
         "process \"/bin/sh -c x\" did not complete successfully: exit code: 137", 137},
        {R"({"errorDetail":{"message":"executor failed running [/bin/sh -c x]: exit code: 1"}})",
         "executor failed running [/bin/sh -c x]: exit code: 1", 1},
        {R"({"error":"building at STEP \"RUN exit 37\": while running runtime: exit status 37\n"})",
         "building at STEP \"RUN exit 37\": while running runtime: exit status 37\n", 37},
        {R"({"error":"process \"echo exit code: 5\" was canceled"})", "process \"echo exit code: 5\" was canceled",
         std::nullopt},
        {R"({"error":"it says exit code: "})", "it says exit code: ", std::nullopt},
        {R"({"error":"exit code: 99999999999999"})", "exit code: 99999999999999", std::nullopt},
        {R"({"errorDetail":{"message":"odd","code":"37"}})", "odd", std::nullopt},
        {R"({"errorDetail":{"message":"odd","code":null}})", "odd", std::nullopt},
        {R"({"errorDetail":"odd","error":"plain"})", "plain", std::nullopt},
    };
    for (const Row& row : rows) {
        CAPTURE(row.line);
        const auto outcome = heard_of(std::string("{\"aux\":{\"ID\":\"" + id + "\"}}\r\n") + row.line + "\r\n").outcome;
        CHECK(outcome.error == row.error);
        CHECK(outcome.exit_code == row.code);
    }
}

TEST_CASE("a stream without an end has no image") {
    for (const std::string stream : {"", "\r\n\r\n", "{\"stream\":\"Step 1/1 : FROM x\\n\"}\r\n",
                                     "no json\n[]\n7\nnull\n{\"aux\":7}\n{\"stream\":7}\n{\"aux\":{\"ID\":7}}\n"}) {
        CAPTURE(stream);
        const auto heard = heard_of(stream);
        CHECK(heard.outcome.image_id.empty());
        CHECK(heard.outcome.error.empty());
    }
}

TEST_CASE("podman speaks like the classic builder") {
    const auto heard =
        heard_of("{\"stream\":\"STEP 1/2: FROM x\\n\"}\n{\"stream\":\"0f5b\\n\"}\n{\"aux\":{\"ID\":\"" + id + "\"}}\n",
                 podman_pong());
    CHECK(heard.outcome.image_id == id);
    CHECK(heard.events.size() == 2);
}

TEST_CASE("a stream that breaks off is no end of a build, also where an id has come") {
    const std::string lines = "{\"aux\":{\"ID\":\"" + id + "\"}}\r\n";
    Scene length({{"POST /v1.41/build?*", {.body = lines, .drop_reply_at = lines.size(), .claimed_length = 5000}}});
    CHECK_THROWS_AS(build(length), io::TransportError);
    Scene chunks({{"POST /v1.41/build?*",
                   {.headers = {{"Transfer-Encoding", "chunked"}},
                    .body = fmt::format("{:x}\r\n{}\r\n", lines.size(), lines),
                    .drop_reply_at = 10'000}}});
    CHECK_THROWS_AS(build(chunks), io::TransportError);
    // A build is asked for once: the engine may have begun it.
    Scene upload({{"POST /v1.41/build?*", {.lost = true}}});
    CHECK_THROWS_AS(build(upload), io::TransportError);
    CHECK(upload.verdict().empty());
}

TEST_CASE("what is wrong before the stream begins is an HTTP error") {
    Scene syntax({{"POST /v1.41/build?*",
                   json_reply(400, R"({"message":"dockerfile parse error on line 2: unknown instruction: NOSUCH"})")}});
    CHECK(contains(error_of([&] { build(syntax); }).message(), "POST /build: dockerfile parse error on line 2"));
    Scene early(
        {{"POST /v1.41/build?*", {.status = 500, .body = R"({"message":"no space left on device"})", .early = true}}});
    CHECK(contains(error_of([&] { build(early); }).message(), "no space left on device"));
}

TEST_CASE("the context fails while it is sent: its own error comes out") {
    class Failing final : public io::Source {
    public:
        std::size_t read(std::span<std::byte> buffer) override {
            if (std::exchange(begun_, true)) throw Error(Fault::io, "the file changed");
            buffer[0] = std::byte{'x'};
            return 1;
        }
        bool begun_ = false;
    };
    Scene scene({{"POST /v1.41/build?*", json_reply(200, "")}});
    const Error error = error_of([&] {
        build(scene, {.tags = {}, .dockerfile = "D", .platform = {}, .args = {}, .labels = {}},
              {.size = {}, .open = [] { return std::make_unique<Failing>(); }});
    });
    CHECK(error.message() == "the file changed");
}

TEST_SUITE_END();
