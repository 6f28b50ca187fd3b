// SPDX-License-Identifier: Apache-2.0
#include "engine/container.hpp"

#include <nlohmann/json.hpp>

#include "engine/scene.hpp"

using namespace wasmx;
using namespace wasmx::engine;

namespace {

const std::string base_id = "sha256:" + std::string(64, 'a');
const std::string made_id = "sha256:" + std::string(64, 'b');

std::string image_json(const std::string& config) {
    return R"({"Id":")" + base_id + R"(","Os":"linux","Architecture":"arm64","Config":)" + config + "}";
}

std::string frame(char stream, const std::string& text) {
    return std::string{stream, 0, 0, 0, 0, 0, 0, static_cast<char>(text.size())} + text;
}

std::string tar_with(const std::string& name, const std::string& content) {
    const auto source = io::tar_of([&, done = false]() mutable -> std::optional<io::TarMember> {
        if (std::exchange(done, true)) return std::nullopt;
        io::TarEntry entry{.path = name, .target = {}};
        entry.size = content.size();
        entry.mode = 0644;
        return io::TarMember{entry, [&] { return io::from_string(content); }};
    });
    return io::read_all(*source, 1 << 20);
}

std::string state_json(const std::string& status, int code) {
    return R"({"Id":"c1","Name":"/wasmx-image-x","State":{"Status":")" + status + R"(","ExitCode":)" +
           std::to_string(code) +
           R"(,"OOMKilled":true,"Error":"","StartedAt":"s","FinishedAt":"f"},"Config":{"Labels":{"k":"v"}}})";
}

Scene::Step created() { return {"POST /v1.41/containers/create*", json_reply(201, R"({"Id":"c1","Warnings":[]})")}; }
Scene::Step removed() { return {"DELETE /v1.41/containers/c1?force=1&v=1", {.status = 204}}; }
Scene::Step inspected(const std::string& config = R"({"Cmd":["sh"]})") {
    return {"GET /v1.41/images/x:1/json", json_reply(200, image_json(config))};
}

}  // namespace

TEST_SUITE_BEGIN("engine");

TEST_CASE("a file of an image is read through a container that is removed whatever happens") {
    const Scene::Step archive{"GET /v1.41/containers/c1/archive?path=%2Fwasmx%2Fdist%2Fx",
                              {.body = tar_with("x", "hello")}};
    const auto read = [](Scene& scene) {
        Containers containers(scene.engine());
        return containers.in_idle("x:1", [&](const std::string& id) {
            return io::read_all(*containers.open_file(id, "/wasmx/dist/x"), 100);
        });
    };
    SUBCASE("it is read") {
        Scene scene({inspected(), created(), archive, removed()});
        CHECK(read(scene) == "hello");
        CHECK(scene.verdict() == "");
        const auto asked = nlohmann::json::parse(scene.seen()[1].body);
        CHECK(asked == nlohmann::json{{"Image", base_id},
                                      {"Labels", nlohmann::json::object()},
                                      {"HostConfig", {{"NetworkMode", "none"}}}});
    }
    SUBCASE("the file is not there") {
        Scene scene({inspected(), created(), {"GET /v1.41/containers/c1/archive*", json_reply(404, "{}")}, removed()});
        const Error error = error_of([&] { read(scene); });
        CHECK(error.fault() == Fault::not_found);
        CHECK(contains(error.message(), "no /wasmx/dist/x"));
        CHECK(scene.verdict() == "");
    }
    SUBCASE("the archive breaks off") {
        Scene scene({inspected(),
                     created(),
                     {"GET /v1.41/containers/c1/archive*", {.body = tar_with("x", "hello"), .drop_reply_at = 514}},
                     removed()});
        CHECK_THROWS_AS(read(scene), Error);
        CHECK(scene.verdict() == "");
    }
    SUBCASE("the archive is empty, as podman's of a container that is being removed") {
        Scene scene({inspected(),
                     created(),
                     {"GET /v1.41/containers/c1/archive*", {.body = std::string(1024, '\0')}},
                     removed()});
        CHECK(error_of([&] { read(scene); }).fault() == Fault::integrity);
        CHECK(scene.verdict() == "");
    }
    SUBCASE("the container cannot be removed: no reason to fail") {
        Scene scene({inspected(), created(), archive, {"DELETE /v1.41/containers/c1*", json_reply(400, "{}")}});
        CHECK(read(scene) == "hello");
        CHECK(scene.verdict() == "");
    }
    SUBCASE("no image, no container") {
        Scene scene({{"GET /v1.41/images/x:1/json", json_reply(404, "{}")}});
        CHECK(error_of([&] { read(scene); }).fault() == Fault::not_found);
        CHECK(scene.verdict() == "");
    }
    SUBCASE("one without a name: above all no DELETE /containers/") {
        Scene scene({inspected(), {"POST /v1.41/containers/create*", json_reply(201, "{}")}});
        CHECK_THROWS_AS(read(scene), Error);
        CHECK(scene.verdict() == "");
    }
    SUBCASE("one with a name that leads elsewhere") {
        for (const std::string id : {"../images/x", "a/b", ".."}) {
            CAPTURE(id);
            Scene scene(
                {inspected(), {"POST /v1.41/containers/create*", json_reply(201, nlohmann::json{{"Id", id}}.dump())}});
            CHECK(error_of([&] { read(scene); }).fault() == Fault::unavailable);
            CHECK(scene.verdict() == "");
        }
    }
}

TEST_CASE("a layer: created, filled, committed, removed; the image's config stays but for the labels") {
    const auto add = [](Scene& scene, const ImageInfo& image) {
        return Containers(scene.engine())
            .add_layer(image, io::body_of("tar"), {{"l", "a 'q' \"z\""}}, oci::Reference::parse("localhost/x:1"),
                       "a comment");
    };
    const Scene::Step put{"PUT /v1.41/containers/c1/archive?path=%2F", {}};
    ImageInfo image;
    image.id = base_id;
    SUBCASE("docker") {
        Scene scene({created(),
                     put,
                     {"POST /v1.41/commit?container=c1&repo=localhost%2Fx&tag=1&pause=0&comment=a%20comment",
                      json_reply(201, R"({"Id":")" + made_id + "\"}")},
                     removed()});
        CHECK(add(scene, image) == made_id);
        CHECK(scene.verdict() == "");
        const auto asked = nlohmann::json::parse(scene.seen()[0].body);
        CHECK(asked["Labels"]["l"] == "a 'q' \"z\"");
        CHECK_FALSE(asked.contains("Cmd"));
        CHECK_FALSE(asked.contains("NetworkDisabled"));  // the image would say so too
        CHECK(scene.seen()[1].body == "tar");
    }
    SUBCASE("an image that has nothing to run") {
        image.inherited.has_no_command = true;
        Scene scene(
            {created(),
             put,
             {"POST "
              "/v1.41/commit?container=c1&repo=localhost%2Fx&tag=1&pause=0&comment=a%20comment&changes=CMD%20%5B%5D",
              json_reply(201, R"({"Id":")" + made_id + "\"}")},
             removed()});
        CHECK(add(scene, image) == made_id);
        CHECK(nlohmann::json::parse(scene.seen()[0].body)["Cmd"] == nlohmann::json{"none"});
        CHECK(scene.verdict() == "");
    }
    SUBCASE("podman, which has variables of its own") {
        image.inherited.environment = {"PATH=/bin", "TERMINAL=x"};
        Scene scene({{"POST /v4.0.0/libpod/containers/create", json_reply(201, R"({"Id":"c1"})")},
                     put,
                     {"POST /v1.41/commit?*", json_reply(201, R"({"Id":")" + made_id.substr(7) + "\"}")},
                     removed()},
                    podman_pong());
        CHECK(add(scene, image) == made_id);
        CHECK(nlohmann::json::parse(scene.seen()[0].body)["unsetenv"] == nlohmann::json{"TERM", "container"});
        CHECK(scene.verdict() == "");
    }
    SUBCASE("a full disk: nothing is committed") {
        Scene scene({created(),
                     {"PUT /v1.41/containers/c1/archive*", json_reply(500, R"({"message":"no space left on device"})")},
                     removed()});
        CHECK(contains(error_of([&] { add(scene, image); }).message(), "no space left"));
        CHECK(scene.verdict() == "");
    }
}

TEST_CASE("a container that runs a command: its settings, and a name that is taken") {
    const RunSettings settings{.name = "wasmx-image-v8-1.2-x",
                               .image = base_id,
                               .platform = {},
                               .command = {"/bin/bash", "-c", "true"},
                               .labels = {{"k", "v"}},
                               .environment = {{"http_proxy", Secret("http://u:p@h")}},
                               .volume = "work",
                               .volume_target = "/wasmx/work",
                               .processors = 3,
                               .memory = 1000};
    Scene scene({{"POST /v1.41/containers/create?name=wasmx-image-v8-1.2-x", json_reply(201, R"({"Id":"c1"})")},
                 {"POST /v1.41/containers/create*", json_reply(409, R"({"message":"Conflict. The name is in use"})")},
                 {"POST /v1.41/containers/create*", json_reply(500, R"({"message":"that name is already in use"})")},
                 {"POST /v1.41/containers/create*", json_reply(500, R"({"message":"no space"})")}});
    Containers containers(scene.engine());
    CHECK(containers.create(settings) == "c1");
    CHECK_FALSE(containers.create(settings).has_value());
    CHECK_FALSE(containers.create(settings).has_value());
    CHECK(contains(error_of([&] { containers.create(settings); }).message(), "no space"));
    const auto asked = nlohmann::json::parse(scene.seen()[0].body);
    CHECK(asked["Entrypoint"] == nlohmann::json{"/bin/bash"});
    CHECK(asked["Cmd"] == nlohmann::json{"-c", "true"});
    CHECK(asked["User"] == "0:0");
    CHECK(asked["Env"] == nlohmann::json{"http_proxy=http://u:p@h"});
    CHECK(asked["HostConfig"]["CpusetCpus"] == "0-2");
    CHECK(asked["HostConfig"]["Memory"] == 1000);
    CHECK(asked["HostConfig"]["MemorySwap"] == 1000);
    CHECK(asked["HostConfig"]["LogConfig"]["Type"] == "json-file");
    CHECK(asked["HostConfig"]["Mounts"][0]["Source"] == "work");
    CHECK(scene.verdict() == "");
}

TEST_CASE("the log: two streams in frames that are cut anywhere, from any byte on") {
    const std::string log = frame(1, "one\n") + frame(2, "two\n") + frame(1, "") + frame(1, "thr") + frame(1, "ee\n");
    const auto followed = [&](const std::string& body, std::uint64_t skip) {
        Scene scene({{"GET /v1.41/containers/c1/logs?follow=1&stdout=1&stderr=1", {.body = body}}});
        std::string out;
        Containers(scene.engine()).follow_log("c1", skip, [&](std::string_view bytes, Progress::Stream stream) {
            out += std::string(stream == Progress::Stream::err ? "!" : "") + std::string(bytes);
        });
        return out;
    };
    CHECK(followed(log, 0) == "one\n!two\nthree\n");
    CHECK(followed(log, 6) == "!o\nthree\n");
    CHECK(followed(log, 1000).empty());
    CHECK(followed(log.substr(0, log.size() - 2), 0) == "one\n!two\nthre");
    CHECK(followed(log.substr(0, 10), 0) == "on");
    CHECK(followed("", 0).empty());
}

TEST_CASE("the state of a container, and those of a label") {
    Scene scene({{"GET /v1.41/containers/wasmx-image-x.1/json", json_reply(200, state_json("exited", 3))},
                 {"GET /v1.41/containers/none/json", json_reply(404, "{}")},
                 {"GET /v1.41/containers/json?all=1&filters=%7B%22label%22%3A%5B%22k%3Dv%22%5D%7D",
                  json_reply(200, R"([{"Id":"c1"},{"Id":"gone"}])")},
                 {"GET /v1.41/containers/c1/json", json_reply(200, state_json("running", 0))},
                 {"GET /v1.41/containers/gone/json", json_reply(404, "{}")}});
    Containers containers(scene.engine());
    const auto ended = containers.find("wasmx-image-x.1");
    REQUIRE(ended.has_value());
    CHECK(ended->name == "wasmx-image-x");
    CHECK(ended->exit_code == 3);
    CHECK(ended->oom_killed);
    CHECK(ended->labels.at("k") == "v");
    CHECK_FALSE(ended->is_running());
    CHECK_FALSE(containers.find("none").has_value());
    const auto listed = containers.list("k=v");
    REQUIRE(listed.size() == 1);
    CHECK(listed.front().is_running());
    CHECK(scene.verdict() == "");
}

TEST_CASE("volumes: those of a prefix with what the engine tells, one that is there already, one that is not") {
    Scene scene({{"GET /v1.41/system/df?type=volume", json_reply(200, R"({"Volumes":[
                    {"Name":"w-1","CreatedAt":"t","UsageData":{"Size":5,"RefCount":1}},{"Name":"w-2","UsageData":null},
                    {"Name":"w-3","UsageData":{"Size":-1,"RefCount":-1}},{"Name":"other"}]})")},
                 {"GET /v1.41/system/df*", json_reply(200, R"({"Volumes":null})")},
                 {"POST /v1.41/volumes/create", json_reply(201, "{}")},
                 {"POST /v1.41/volumes/create", json_reply(500, R"({"message":"volume already exists"})")},
                 {"DELETE /v1.41/volumes/w-1", {.status = 204}},
                 {"DELETE /v1.41/volumes/w-1", json_reply(404, "{}")},
                 {"DELETE /v1.41/volumes/w-1", json_reply(409, R"({"message":"volume is in use"})")}});
    Containers containers(scene.engine());
    const auto volumes = containers.volumes("w-");
    REQUIRE(volumes.size() == 3);
    CHECK(volumes[0].size == 5);
    CHECK_FALSE(volumes[1].size.has_value());
    CHECK_FALSE(volumes[2].size.has_value());
    CHECK(containers.volumes("w-").empty());
    containers.make_volume("w-1", "l");
    containers.make_volume("w-1", "l");
    containers.remove_volume("w-1");
    containers.remove_volume("w-1");
    CHECK(contains(error_of([&] { containers.remove_volume("w-1"); }).message(), "in use"));
    CHECK(scene.verdict() == "");
}

TEST_SUITE_END();
