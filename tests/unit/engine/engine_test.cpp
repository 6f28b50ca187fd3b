// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <ctime>
#include <thread>

#include "engine/container.hpp"
#include "engine/owner.hpp"
#include "engine/scene.hpp"
#include "io/base64.hpp"
#include "io/file.hpp"
#include "support/recording.hpp"

using namespace wasmx;
using namespace wasmx::engine;

namespace {

const std::string id_a = "sha256:" + std::string(64, 'a');
const std::string id_b = "sha256:" + std::string(64, 'b');

Identity identity_of(const test::Reply& ping) {
    Scene scene({}, ping);
    return scene.engine().identity();
}

}  // namespace

TEST_SUITE_BEGIN("engine");

TEST_CASE("the API version is the engine's, as far as we know it") {
    CHECK(identity_of(pong("1.41")).api_version == "1.41");
    CHECK(identity_of(pong("1.40")).api_version == "1.40");
    CHECK(identity_of(pong("1.51")).api_version == "1.51");
    CHECK(identity_of(pong("1.55")).api_version == "1.51");
    CHECK(identity_of(pong("1.100")).api_version == "1.51");
}

TEST_CASE("an engine that is too old, or is none") {
    for (const std::string version : {"1.39", "1.9", "0.41", "2.0", "1.", "1.4x", ""}) {
        CAPTURE(version);
        const Error error = error_of([&] { identity_of(pong(version)); });
        CHECK((error.fault() == Fault::failed || version.empty()));
        CHECK((contains(error.message(), version) || version.empty()));
    }
    const Error error = error_of([] {
        identity_of({.headers = {{"Server", "nginx"}}, .body = "<html>\x1b[31mhello"});
    });
    CHECK(error.fault() == Fault::unavailable);
    CHECK(contains(error.message(), "<html>hello"));
    CHECK_THROWS_AS(identity_of({.status = 503, .headers = {{"Api-Version", "1.41"}}}), Error);
}

TEST_CASE("who it is, and which builder it has") {
    CHECK(identity_of(pong("1.41", {{"Builder-Version", "2"}})).buildkit);
    CHECK(identity_of(pong("1.41")).buildkit);  // 20.10 recommends none and has it
    CHECK_FALSE(identity_of(pong("1.41", {{"Builder-Version", "1"}})).buildkit);
    CHECK_FALSE(identity_of(pong("1.41")).podman);
    CHECK(identity_of(podman_pong()).podman);
    CHECK_FALSE(identity_of(podman_pong()).buildkit);
    CHECK_FALSE(identity_of(pong("1.44", {{"Libpod-Api-Version", "5.8.6"}, {"Builder-Version", "2"}})).buildkit);
}

TEST_CASE("a socket with nobody behind it says which of the possible reasons it is") {
    io::HttpClient http({}, "test");
    const test::Folder folder;
    const auto error_at = [&](const std::string& path) {
        return error_of([&] { Engine(http, {path, "DOCKER_HOST"}); });
    };
    const Error nothing = error_at(folder.path() / "none.sock");
    CHECK(nothing.fault() == Fault::unavailable);
    CHECK(contains(nothing.message(), "none.sock (DOCKER_HOST): No such file or directory"));
    const Error file = error_at(folder.write("file", ""));
    CHECK(file.fault() == Fault::config);
    CHECK(contains(file.message(), "is no socket"));
    const std::string dead = folder.path() / "dead.sock";
    {
        const test::HttpServer gone([](const test::Seen&) { return test::Reply{}; }, dead);
    }
    CHECK(contains(error_at(dead).message(), "the socket is there, its engine is not"));
}

TEST_CASE("an engine that takes the connection and says nothing is no success") {
    CHECK_THROWS_AS(identity_of({.lost = true}), io::TransportError);
}

TEST_CASE("/info: docker, containerd's store, podman") {
    Scene scene(
        {{"GET /v1.41/info",
          json_reply(
              200, R"({"Name":"box","ServerVersion":"20.10.24+dfsg1","OSType":"linux","Architecture":"x86_64","NCPU":4,
                  "MemTotal":25276510208,"DockerRootDir":"/var/lib/docker","Driver":"overlay2","DriverStatus":[["Backing Filesystem","extfs"]],"Warnings":null})")},
         {"GET /v1.41/info",
          json_reply(200, R"({"ServerVersion":"29.7.2","OSType":"linux","Architecture":"aarch64","Driver":"overlayfs",
                  "DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]]})")},
         {"GET /v1.41/info", json_reply(200, R"({"OSType":"linux","Architecture":"amd64","DriverStatus":null})")},
         {"GET /v1.41/info", json_reply(200, R"({"OSType":"windows","Architecture":"x86_64"})")},
         {"GET /v1.41/info", json_reply(200, R"({"OSType":"linux","Architecture":"riscv64"})")}});
    const Info docker = scene.engine().info();
    CHECK(docker.name == "box");
    CHECK(docker.version == "20.10.24+dfsg1");
    CHECK(docker.memory == 25276510208);
    CHECK(docker.processors == 4);
    CHECK(docker.root == "/var/lib/docker");
    CHECK_FALSE(docker.containerd_store);
    CHECK(docker.platform().docker_platform() == "linux/amd64");
    const Info newer = scene.engine().info();
    CHECK(newer.containerd_store);
    CHECK(newer.platform().docker_platform() == "linux/arm64");
    CHECK(scene.engine().info().platform().docker_platform() == "linux/amd64");
    const Info windows = scene.engine().info();
    CHECK(contains(error_of([&] { windows.platform(); }).message(), "windows"));
    const Info riscv = scene.engine().info();
    CHECK(contains(error_of([&] { riscv.platform(); }).message(), "riscv64"));
    CHECK(scene.verdict().empty());
}

TEST_CASE("/info: whether containers have a seccomp profile") {
    const auto has_seccomp = [](const std::string& options) {
        Scene scene({{"GET /v1.41/info", json_reply(200, R"({"OSType":"linux","SecurityOptions":)" + options + "}")}});
        return scene.engine().info().seccomp;
    };
    CHECK(has_seccomp(R"(["name=apparmor","name=seccomp,profile=default"])"));
    CHECK(has_seccomp("null"));  // it does not say
    CHECK_FALSE(has_seccomp(R"(["name=seccomp,profile=unconfined"])"));
    CHECK_FALSE(has_seccomp("[]"));
}

TEST_CASE("releases") {
    CHECK(release_of("26.1.5+dfsg1") == Release{26, 1, 5});
    CHECK(release_of("20.10.5") < Release{20, 10, 10});
    CHECK(release_of("dev") == Release{});
    CHECK(release_of("4.3") == Release{4, 3});
}

TEST_CASE("an image that the engine has in part has a next step, whoever meets it") {
    const std::string part = R"({"message":"content digest sha256:8647cda188537f5d23c50b98325bf4b8: not found"})";
    Scene scene({{"GET /v1.41/images/x:1/get", json_reply(500, part)},
                 {"GET /v1.41/images/x:1/get", json_reply(500, R"({"message":"no space left on device"})")}});
    const auto exported = [&] { return error_of([&] { scene.engine().export_image("x:1"); }); };
    const Error first = exported();
    CHECK(contains(first.message(), "sha256:8647cda188537f5d23c50b98325bf4b8"));
    CHECK(contains(first.hint(), "docker pull --platform"));
    CHECK_FALSE(contains(exported().hint(), "--platform"));
}

TEST_CASE("of an image of several platforms one is exported alone, where the engine can") {
    Scene newer(
        {{R"(GET /v1.48/images/x:1/get?platform=%7B%22architecture%22%3A%22arm64%22%2C%22os%22%3A%22linux%22%7D)",
          {.body = "tar"}},
         {"GET /v1.48/images/x:1/get", {.body = "tar"}}},
        pong("1.48"));
    CHECK(io::read_all(*newer.engine().export_image("x:1", "linux/arm64"), 10) == "tar");
    CHECK(io::read_all(*newer.engine().export_image("x:1"), 10) == "tar");
    CHECK(newer.verdict() == "");
    Scene older({{"GET /v1.47/images/x:1/get", {.body = "tar"}}}, pong("1.47"));
    CHECK(io::read_all(*older.engine().export_image("x:1", "linux/arm64"), 10) == "tar");
    CHECK(older.verdict() == "");
}

TEST_CASE("an answer of an unknown shape is the engine's fault, by name") {
    for (const std::string body : {"", "no json", "[1]", R"({"MemTotal":"much"})", R"({"MemTotal":null})"}) {
        CAPTURE(body);
        Scene scene({{"GET /v1.41/info", json_reply(200, body)}});
        const Error error = error_of([&] { scene.engine().info(); });
        CHECK(error.fault() == Fault::unavailable);
        CHECK(contains(error.message(), "/info"));
    }
}

TEST_CASE("refusals: in JSON, in plain text, without a word") {
    struct Row {
        test::Reply reply;
        Fault fault;
        const char* says;
    };
    const Row rows[] = {
        {json_reply(500, R"({"message":"the disk is \u001b[31mfull"})"), Fault::failed,
         "the engine refuses GET /info: the disk is full"},
        {json_reply(400, R"({"message":"client version 1.41 is too old. Minimum supported API version is 1.60"})"),
         Fault::failed, "too old"},
        {{.status = 400, .body = "client version 1.12 is too old\n"},
         Fault::failed,
         "refuses GET /info: client version 1.12 is too old"},
        {json_reply(404, R"({"message":"page not found"})"), Fault::not_found, "page not found"},
        {{.status = 404, .body = "Not Found\n"}, Fault::not_found, "Not Found"},
        {json_reply(403, R"({"message":"authz plugin says no"})"), Fault::denied, "authz plugin says no"},
        {{.status = 502}, Fault::failed, "HTTP 502"},
        {json_reply(500, R"({"message":""})"), Fault::failed, R"({"message":""})"},
        {{.status = 500, .body = std::string(499, 'x') + "\xc3\xa4" + std::string(9000, 'y')}, Fault::failed, "xxxx"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.says);
        Scene scene({{"GET /v1.41/info", row.reply}});
        const Error error = error_of([&] { scene.engine().info(); });
        CHECK(error.fault() == row.fault);
        CHECK(contains(error.message(), row.says));
        CHECK(error.message().size() < 600);
        CHECK(error.message().find('\xc3') == std::string::npos);  // not cut inside a character
    }
}

TEST_CASE("images: as docker, containerd's store and podman describe them") {
    const std::string image = R"(,"Os":"linux","Architecture":"arm64","RootFS":{"Type":"layers","Layers":[")" + id_a +
                              R"(",")" + id_b + R"("]})";
    Scene scene({
        {"GET /v1.41/images/wasmx-build-ubuntu/json",
         json_reply(200,
                    R"({"Id":")" + id_a +
                        R"(","RepoTags":["wasmx-build-ubuntu:latest"],"RepoDigests":[],"Config":{"Labels":{"k":"v"}})" +
                        image + "}")},
        {"GET /v1.41/images/ghcr.io/kong/x:1/json",
         json_reply(200, R"({"Id":")" + id_b + R"(","RepoTags":["ghcr.io/kong/x:1"],"RepoDigests":["ghcr.io/kong/x@)" +
                             id_b + R"("],"Config":{"Labels":null})" + image + "}")},
        {"GET /v1.41/images/p/json",
         json_reply(200, R"({"Id":")" + id_a.substr(7) + R"(","RepoTags":["localhost/p:latest"],"Config":null)" +
                             image + "}")},
        {"GET /v1.41/images/none/json", json_reply(404, R"({"message":"No such image: none"})")},
        {"GET /v1.41/images/scratch/json",
         json_reply(200,
                    R"({"Id":")" + id_a + R"(","RepoTags":null,"Architecture":"arm64","RootFS":{"Type":"layers"}})")},
        {"GET /v1.41/images/part/json", json_reply(200, R"({"Id":")" + id_a + R"(","Architecture":"","RootFS":{}})")},
        {"GET /v1.41/images/odd/json",
         json_reply(200, R"({"Id":")" + id_a + R"(","RootFS":{"Layers":["sha256:short"]}})")},
        {"GET /v1.41/images/odd/json", json_reply(200, R"({"Id":")" + id_a + R"(","Config":{"Labels":{"k":1}}})")},
        {"GET /v1.41/images/odd/json", json_reply(500, R"({"message":"layer does not exist"})")},
    });
    Engine& engine = scene.engine();
    const auto docker = engine.find_image("wasmx-build-ubuntu");
    REQUIRE(docker);
    CHECK(docker->id == id_a);
    CHECK(docker->os == "linux");
    CHECK(docker->architecture == "arm64");
    CHECK(docker->tags == std::vector<std::string>{"wasmx-build-ubuntu:latest"});
    CHECK(docker->repo_digests.empty());
    CHECK(docker->diff_ids == std::vector{Digest::parse(id_a), Digest::parse(id_b)});
    CHECK(docker->labels == std::map<std::string, std::string>{{"k", "v"}});
    const auto containerd = engine.find_image("ghcr.io/kong/x:1");
    REQUIRE(containerd);
    CHECK(containerd->repo_digests.front() == "ghcr.io/kong/x@" + id_b);
    CHECK(containerd->labels.empty());
    CHECK(engine.find_image("p").value().id == id_a);
    CHECK_FALSE(engine.find_image("none"));
    CHECK(engine.find_image("scratch").value().diff_ids.empty());
    CHECK(contains(error_of([&] { engine.find_image("part"); }).message(), "only in part"));
    CHECK(error_of([&] { engine.find_image("odd"); }).fault() == Fault::integrity);
    CHECK(error_of([&] { engine.find_image("odd"); }).fault() == Fault::unavailable);
    CHECK(contains(error_of([&] { engine.find_image("odd"); }).message(), "layer does not exist"));
    CHECK(scene.verdict().empty());
}

TEST_CASE("a name or an ID never leads to another path of the engine's API") {
    for (const std::string name : {"../containers/json?x=", "..", "x/../../info", "", "x y", "x?all=1", "x#", "%2e%2e",
                                   "a/./b", "x:1\r\nHost: y", "/x", "sha256:../x"}) {
        CAPTURE(name);
        Scene scene({});
        Engine& engine = scene.engine();
        CHECK(error_of([&] { engine.find_image(name); }).fault() == Fault::usage);
        CHECK(error_of([&] { engine.history_sizes(name); }).fault() == Fault::usage);
        CHECK(error_of([&] { engine.export_image(name); }).fault() == Fault::usage);
        CHECK(scene.seen().empty());
    }
    for (const std::string id : {"../images/x", "a/b", "a?force=0&x=", "a b", "."}) {
        CAPTURE(id);
        Scene scene({{"POST /v1.41/containers/create?name=wasmx-image-probe-*",
                      json_reply(201, nlohmann::json{{"Id", id}}.dump())}});
        CHECK(error_of([&] { scene.engine().run_command("x:1", {"df"}); }).fault() == Fault::unavailable);
        CHECK(scene.verdict().empty());  // above all no DELETE of something else
    }
    Scene scene({{"GET /v1.41/images/x/json", json_reply(200, R"({"Id":"../x","Architecture":"arm64"})")}});
    CHECK(error_of([&] { scene.engine().find_image("x"); }).fault() == Fault::integrity);
}

TEST_CASE("what a base image hands on, as engines tell it") {
    const auto inherited = [](const std::string& config) {
        Scene scene({{"GET /v1.41/images/x/json",
                      json_reply(200, R"({"Id":")" + id_a + R"(","Architecture":"arm64","Config":)" + config + "}")}});
        return scene.engine().find_image("x").value().inherited;
    };
    const auto all = inherited(R"({"User":"app","Volumes":{"/a":{},"/b":null},"OnBuild":["RUN x"]})");
    CHECK(all.user == "app");
    CHECK(all.volumes == std::vector<std::string>{"/a", "/b"});
    CHECK(all.on_build == std::vector<std::string>{"RUN x"});
    for (const std::string none : {"null", "{}", R"({"User":"","Volumes":null,"OnBuild":null})", R"({"Volumes":{}})"}) {
        const auto nothing = inherited(none);
        CHECK(nothing.user.empty());
        CHECK(nothing.volumes.empty());
        CHECK(nothing.on_build.empty());
    }
}

TEST_CASE("names and sizes of images, and a name that goes") {
    const auto name = oci::Reference::parse("127.0.0.1:5000/wasmx-image/a:push");
    Scene scene({{"GET /v1.41/images/sha256:ab/history", json_reply(200, R"([{"Size":7},{"Size":0},{"Id":"x"}])")},
                 {"GET /v1.41/images/json?filters=%7B%22reference%22%3A%5B%22127.0.0.1%3A%2A%2Fa%2F%2A%22%5D%7D",
                  json_reply(200, R"([{"RepoTags":["a:1","b:2"]},{"RepoTags":null},{}])")},
                 {"DELETE /v1.41/images/127.0.0.1:5000/wasmx-image/a:push?noprune=true", json_reply(200, "[]")},
                 {"DELETE /v1.41/images/127.0.0.1:5000/wasmx-image/a:push?noprune=true", {.status = 500}}});
    CHECK(scene.engine().history_sizes("sha256:ab") == std::vector<std::uint64_t>{7, 0, 0});
    CHECK(scene.engine().image_tags("127.0.0.1:*/a/*") == std::vector<std::string>{"a:1", "b:2"});
    scene.engine().untag(name);
    scene.engine().untag(name);  // whatever it says
    CHECK(scene.verdict().empty());
}

TEST_CASE("X-Registry-Auth is base64url of JSON, a refresh token instead of a password where there is one") {
    const auto decoded = [](const Secret& secret) {
        std::string text(secret.reveal());
        CHECK(text.find_first_of("+/") == std::string::npos);
        for (char& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
        return nlohmann::json::parse(io::base64_decode(text).value());
    };
    REQUIRE(io::base64_encode(nlohmann::json{{"username", "otto"}, {"password", "~>~~>>~~~>>>"}}.dump())
                .find_first_of("+/") != std::string::npos);
    CHECK(decoded(Engine::registry_auth("otto", Secret("~>~~>>~~~>>>"), {}, {})) ==
          nlohmann::json{{"username", "otto"}, {"password", "~>~~>>~~~>>>"}});
    CHECK(decoded(Engine::registry_auth("<token>", Secret("p"), Secret("refresh"), {})) ==
          nlohmann::json{{"identitytoken", "refresh"}});
}

TEST_CASE("a pull says what it wants, and reads its end") {
    const std::string fine =
        "{\"status\":\"Pulling fs layer\",\"id\":\"x\"}\r\n{\"status\":\"Status: Downloaded newer image\"}\r\n";
    Scene scene(
        {{"POST /v1.41/images/create?fromImage=ghcr.io%2Fkong%2Fbase&tag=1&platform=linux%2Farm64",
          json_reply(200, fine)},
         {"POST /v1.41/images/create?fromImage=busybox&tag=latest&platform=linux%2Farm64", json_reply(200, fine)}});
    test::Recording progress;
    scene.engine().pull(oci::Reference::parse("ghcr.io/kong/base:1"), "linux/arm64", Secret("QUJD"), progress);
    scene.engine().pull(oci::Reference::parse("busybox"), "linux/arm64", {}, progress);
    CHECK(scene.verdict().empty());
    CHECK(scene.seen()[0].header("X-Registry-Auth") == "QUJD");
    CHECK_FALSE(scene.seen()[1].headers.contains("x-registry-auth"));
    CHECK(progress.lines == std::vector<std::string>{"+pulling ghcr.io/kong/base:1",
                                                     "pulling ghcr.io/kong/base:1: pulled", "+pulling busybox",
                                                     "pulling busybox: pulled"});
}

TEST_CASE("a pull that fails: at once, inside a 200, or by breaking off") {
    struct Row {
        test::Reply reply;
        Fault fault;
        const char* says;
    };
    const Row rows[] = {
        {json_reply(404, R"({"message":"pull access denied for x, repository does not exist"})"), Fault::not_found,
         "pull access denied"},
        {json_reply(500, R"({"message":"unauthorized"})"), Fault::failed, "unauthorized"},
        {json_reply(200,
                    "{\"status\":\"Pulling\"}\n{\"errorDetail\":{\"message\":\"no \\u001b[1mspace\"},\"error\":\"no "
                    "space\"}\n"),
         Fault::failed, "x:1: no space"},
        {json_reply(200, "{\"error\":\"initializing source: denied\"}"), Fault::failed, "initializing source: denied"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.says);
        Scene scene({{"POST /v1.41/images/create*", row.reply}});
        test::Recording progress;
        const Error error =
            error_of([&] { scene.engine().pull(oci::Reference::parse("ghcr.io/x:1"), "linux/amd64", {}, progress); });
        CHECK(error.fault() == row.fault);
        CHECK(contains(error.message(), "cannot pull ghcr.io/x:1"));
        CHECK(contains(error.message(), row.says));
        CHECK(contains(error.hint(), "docker login ghcr.io"));
        CHECK(progress.lines.back() == "pulling ghcr.io/x:1: FAILED failed");
    }
    Scene scene({{"POST /v1.41/images/create*",
                  {.body = "{\"status\":\"Pulling\"}\n", .drop_reply_at = 21, .claimed_length = 4000}}});
    test::Recording progress;
    CHECK_THROWS_AS(scene.engine().pull(oci::Reference::parse("x"), "linux/amd64", {}, progress), io::TransportError);
    CHECK(progress.lines.back() == "pulling x: STOPPED");
}

TEST_CASE("podman has to be told of a registry without TLS") {
    const std::string fine = "{\"status\":\"done\"}\n";
    Scene scene(
        {{"POST /v4.0.0/libpod/images/pull?reference=127.0.0.1%3A5000%2Fx%3A1&tlsVerify=false&OS=linux&Arch=arm64",
          json_reply(200, fine)},
         {"POST /v4.0.0/libpod/images/pull?reference=localhost%3A5000%2Fx%3A1&tlsVerify=false&OS=linux&Arch=arm64",
          json_reply(200, fine)},
         {"POST /v1.41/images/create?fromImage=ghcr.io%2Fx&tag=1&platform=linux%2Farm64", json_reply(200, fine)}},
        podman_pong());
    test::Recording progress;
    for (const std::string name : {"127.0.0.1:5000/x:1", "localhost:5000/x:1", "ghcr.io/x:1"})
        scene.engine().pull(oci::Reference::parse(name), "linux/arm64", {}, progress);
    CHECK(scene.verdict().empty());
}

TEST_CASE("an exported image comes as it is") {
    Scene scene({{"GET /v1.41/images/x:1/get",
                  {.headers = {{"Content-Type", "application/x-tar"}}, .body = std::string(200'000, 't')}},
                 {"GET /v1.41/images/y/get", json_reply(404, R"({"message":"No such image: y"})")}});
    CHECK(io::read_all(*scene.engine().export_image("x:1"), 1 << 20) == std::string(200'000, 't'));
    CHECK(error_of([&] { scene.engine().export_image("y"); }).fault() == Fault::not_found);
}

namespace {

std::string small_tar() {
    int left = 1;
    const auto source = io::tar_of([&]() -> std::optional<io::TarMember> {
        if (left-- == 0) return std::nullopt;
        io::TarEntry entry{.path = "dist/x", .target = {}};
        entry.size = 5;
        return io::TarMember{entry, [] { return io::from_string("hello"); }};
    });
    return io::read_all(*source, 1 << 20);
}

}  // namespace

TEST_CASE("an engine that says nothing more ends in an error, before its answer and inside it") {
    const auto after_a_while = [](test::Reply reply) {
        return test::Reply{.with_body = [reply = std::move(reply)](const test::Seen&) {
            std::this_thread::sleep_for(std::chrono::milliseconds(2500));
            return reply;
        }};
    };
    const test::Reply half{.body = small_tar().substr(0, 700), .claimed_length = 5000};
    for (const bool at_once : {true, false}) {
        CAPTURE(at_once);
        const test::Reply reply = at_once ? after_a_while({.body = small_tar()}) : half;
        const Scene::Step between{"GET /v1.41/images/none/json", json_reply(404, "{}")};  // waits for the one before it
        Scene scene(
            {{"GET /v1.41/containers/c1/archive*", reply}, between, {"GET /v1.41/images/x:1/get", reply}, between});
        scene.engine().set_idle_limits({.archive = std::chrono::seconds(1), .exported = std::chrono::seconds(1)});
        const Error copied = error_of([&] { io::drain(*Containers(scene.engine()).open_file("c1", "/dist/x")); });
        CHECK(copied.fault() == Fault::unavailable);
        CHECK(contains(copied.message(), "the engine sends nothing more of /dist/x"));
        CHECK(contains(copied.hint(), "run the same command again"));
        (void)scene.engine().find_image("none");
        const Error exported = error_of([&] { io::drain(*scene.engine().export_image("x:1")); });
        CHECK(exported.fault() == Fault::unavailable);
        CHECK(contains(exported.message(), "the engine sends nothing more of the export of x:1"));
        CHECK(contains(exported.hint(), "run the same command again"));
        (void)scene.engine().find_image("none");
        CHECK(scene.verdict().empty());
    }
}

TEST_SUITE_END();
