// SPDX-License-Identifier: Apache-2.0
// Single checks, where what they go by can be set; those that ask somebody have their tests with real services.
#include "doctor/stage.hpp"
#include "engine/scene.hpp"
#include "support/http_server.hpp"

using namespace wasmx;
using namespace wasmx::doctor;

namespace {

constexpr std::uint64_t gb = 1'000'000'000;

engine::Info info_of(std::uint64_t memory, std::uint64_t processors) {
    engine::Info info;
    info.os = "linux";
    info.architecture = "aarch64";
    info.kernel = "of another machine";
    info.version = "28.5.2";
    info.memory = memory;
    info.processors = processors;
    return info;
}

Result memory_check(std::uint64_t memory, std::optional<std::uint64_t> least = {}) {
    Request request;
    request.min_memory = least;
    Stage stage(std::move(request));
    stage.scene.endpoint.set({"/nowhere.sock", "--host"});
    stage.scene.info.set(info_of(memory, 16));
    return stage.run("engine-memory");
}

registry::Greeting greeting(std::optional<std::chrono::milliseconds> ahead) {
    return {.origin = "https://ghcr.io", .status = 401, .clock_ahead = ahead};
}

Result clock_check(std::optional<std::chrono::milliseconds> ahead) {
    Stage stage;
    stage.scene.greeting.set(greeting(ahead));
    return stage.run("clock");
}

credentials::Credential token(const std::string& text) {
    credentials::Credential out;
    out.username = "otto";
    out.password = Secret(text);
    out.origin = "/home/otto/.docker/config.json";
    return out;
}

}  // namespace

TEST_SUITE_BEGIN("doctor");

TEST_CASE("memory: the bands, and how many jobs fit") {
    struct Row {
        std::uint64_t memory;
        Verdict verdict;
        std::uint64_t jobs;
    };
    for (const Row& row : {Row{64 * gb, Verdict::pass, 16}, Row{30 * gb, Verdict::pass, 12},
                           Row{30 * gb - 1, Verdict::warn, 12}, Row{9 * gb + 1, Verdict::warn, 3},
                           Row{9 * gb, Verdict::fail, 3}, Row{gb, Verdict::fail, 1}, Row{0, Verdict::fail, 1}}) {
        CAPTURE(row.memory);
        const Result result = memory_check(row.memory);
        CHECK(result.verdict == row.verdict);
        CHECK(result.figures.at("memory_bytes") == row.memory);
        CHECK(result.figures.at("processors") == 16);
        CHECK(result.figures.at("jobs") == row.jobs);
        CHECK(contains(result.observed, "-j" + std::to_string(row.jobs) + " fits"));
        CHECK((result.verdict == Verdict::pass) == result.hint.empty());
        CHECK(result.where == "/info");
    }
}

TEST_CASE("memory: --min-memory in place of the bands") {
    CHECK(memory_check(4 * gb, 4 * gb).verdict == Verdict::pass);
    CHECK(memory_check(4 * gb - 1, 4 * gb).verdict == Verdict::fail);
    CHECK(memory_check(64 * gb, 100 * gb).verdict == Verdict::fail);
    CHECK(contains(memory_check(gb, 4 * gb).required, "--min-memory"));
}

TEST_CASE("memory, disk and clock are what a container of the engine gets, asked once for all of them") {
    const std::string id = "sha256:" + std::string(64, 'a');
    const auto with = [&](const std::string& output, const std::function<void(Stage&)>& checked,
                          const std::string& volumes = {}) {
        using engine::json_reply;
        std::vector<engine::Scene::Step> steps{
            {"POST /v1.41/images/create?fromSrc=-", json_reply(200, R"({"status":")" + id + R"("})")},
            {"POST /v1.41/containers/create?name=wasmx-image-probe-*", json_reply(201, R"({"Id":"c1"})")},
            {"POST /v1.41/containers/c1/start", {.status = 204}},
            {"POST /v1.41/containers/c1/wait", json_reply(200, R"({"StatusCode":0})")},
            {"GET /v1.41/containers/c1/logs?stdout=1&stderr=1", {.body = output}},
            {"DELETE /v1.41/containers/c1?force=1&v=1", {.status = 204}},
            {"DELETE /v1.41/images/" + id + "?force=1", json_reply(200, "[]")}};
        if (!volumes.empty()) steps.push_back({"GET /v1.41/system/df?type=volume", json_reply(200, volumes)});
        engine::Scene there(std::move(steps));
        Stage stage;
        auto info = info_of(64 * gb, 16);
        info.architecture = oci::Platform::of_this_machine().uname_arch();
        stage.scene.info.set(info);
        stage.scene.engine.set(
            std::make_unique<engine::Engine>(stage.http, engine::Endpoint{there.socket(), "--host"}));
        checked(stage);
        CHECK(there.verdict() == "");
    };
    const std::string now = "clock " + std::to_string(::time(nullptr)) + "\n";
    with("disk 100000000000 50000000000\nprocessors 8\n" + now, [](Stage& stage) {
        CHECK(stage.run("engine-disk").verdict == Verdict::pass);
        const Result memory = stage.run("engine-memory");
        CHECK(memory.verdict == Verdict::pass);
        CHECK(memory.figures.at("processors") == 8);
        CHECK(stage.run("engine-clock").observed == "as here");
    });
    with(
        "disk 100000000000 9999999999\nprocessors 8\nmemory.max 4000000000\nclock 1700000000\n",
        [](Stage& stage) {
            const Result disk = stage.run("engine-disk");
            CHECK(disk.verdict == Verdict::fail);
            CHECK(disk.figures.at("free_bytes") == 9'999'999'999);
            const Result memory = stage.run("engine-memory");
            CHECK(memory.verdict == Verdict::fail);
            CHECK(memory.figures.at("memory_bytes") == 4 * gb);
            CHECK(contains(memory.hint, "raise the limit in memory.max"));
            const Result clock = stage.run("engine-clock");
            CHECK(clock.verdict == Verdict::warn);
            CHECK(contains(clock.observed, "behind this machine's"));
        },
        R"({"Volumes":[]})");
    // A build that goes on does not need its room twice.
    const recipe::Recipe recipe{recipe::Runtime::v8, {}, oci::Platform::of_this_machine()};
    with(
        "disk 100000000000 9999999999\nprocessors 8\n" + now,
        [](Stage& stage) {
            const Result disk = stage.run("engine-disk");
            CHECK(disk.verdict == Verdict::pass);
            CHECK(disk.figures.at("work_bytes") == 12'000'000'000);
            CHECK(contains(disk.observed, "12.0 GB of the build are in its work volume already"));
        },
        R"({"Volumes":[{"Name":"x","UsageData":{"Size":1}},{"Name":")" + recipe.work_volume() +
            R"(","UsageData":{"Size":12000000000}}]})");
}

TEST_CASE("what is not measured is said to be so, and never taken from this machine") {
    Request request;
    request.touch = Request::Touch::nothing;
    Stage stage(std::move(request));
    stage.scene.endpoint.set({"/nowhere.sock", "--host"});
    stage.scene.info.set(info_of(64 * gb, 16));
    const Result disk = stage.run("engine-disk");
    CHECK(disk.verdict == Verdict::skip);
    CHECK(contains(disk.observed, "a dry run starts no container"));
    CHECK(stage.run("engine-clock").verdict == Verdict::skip);
    const Result memory = stage.run("engine-memory");
    CHECK(memory.verdict == Verdict::pass);
    CHECK(contains(memory.details.at(0), "is not measured: a dry run starts no container"));
}

TEST_CASE("version: Docker whose seccomp profile does not know clone3") {
    const auto check = [](const std::string& version, bool podman, const std::string& options) {
        engine::Scene there({{"GET /v1.41/info",
                              engine::json_reply(200, R"({"OSType":"linux","Architecture":"x86_64","ServerVersion":")" +
                                                          version + R"(","SecurityOptions":)" + options + "}")}});
        (void)there.engine();  // the script begins with a ping
        Stage stage;
        stage.scene.endpoint.set({there.socket(), "--host"});
        stage.scene.identity.set({.podman = podman, .newest_api = "1.41", .api_version = "1.41"});
        return stage.run("engine-version");
    };
    const std::string profile = R"(["name=seccomp,profile=default"])";
    const Result old = check("20.10.5+dfsg1", false, profile);
    CHECK(old.verdict == Verdict::warn);
    CHECK(contains(old.hint, "20.10.10"));
    CHECK(check("20.10.9", false, "null").verdict == Verdict::warn);
    CHECK(check("20.10.10", false, profile).verdict == Verdict::pass);
    CHECK(check("20.10.24+dfsg1", false, profile).verdict == Verdict::pass);
    CHECK(check("20.10.5", false, "[]").verdict == Verdict::pass);  // no profile, no trouble
    CHECK(check("4.3.1", true, profile).verdict == Verdict::pass);
    CHECK(check("19.03.15", false, profile).verdict == Verdict::fail);
}

TEST_CASE("clock: within a minute") {
    using std::chrono::milliseconds;
    CHECK(clock_check(milliseconds(300)).verdict == Verdict::pass);
    CHECK(clock_check(milliseconds(-60'000)).verdict == Verdict::pass);
    CHECK(clock_check(milliseconds(60'001)).verdict == Verdict::fail);
    CHECK(contains(clock_check(milliseconds(7'200'000)).observed, "ahead of the registry's"));
    CHECK(contains(clock_check(milliseconds(-7'200'000)).observed, "behind the registry's"));
    CHECK(clock_check({}).verdict == Verdict::skip);
    CHECK(clock_check({}).observed == "https://ghcr.io tells no Date");
}

TEST_CASE("platform") {
    const auto check = [](const std::string& asked, Request::Emulation emulation, const std::string& os = "linux") {
        Request request;
        if (!asked.empty()) request.platform = oci::Platform::parse(asked);
        request.emulation = emulation;
        Stage stage(std::move(request));
        auto info = info_of(gb, 1);
        info.os = os;
        stage.scene.info.set(info);
        const Result result = stage.run("engine-platform");
        CHECK((stage.scene.platform.find() != nullptr || os != "linux"));
        return result;
    };
    using Emulation = Request::Emulation;
    CHECK(check("", Emulation::refuse).verdict == Verdict::pass);
    CHECK(check("", Emulation::refuse).observed == "linux/arm64");
    CHECK(check("linux/arm64/v8", Emulation::refuse).verdict == Verdict::pass);
    const Result foreign = check("linux/amd64", Emulation::refuse);
    CHECK(foreign.verdict == Verdict::fail);
    CHECK(contains(foreign.observed, "more than 6 hours"));
    CHECK(contains(foreign.hint, "--allow-emulation"));
    CHECK(check("linux/amd64", Emulation::allow).verdict == Verdict::warn);
    CHECK(check("", Emulation::allow, "windows").verdict == Verdict::fail);
}

TEST_CASE("platform: what was asked for is known without an engine, since names follow from it") {
    Request request;
    request.platform = oci::Platform::parse("linux/arm64");
    Stage stage(std::move(request));
    CHECK(stage.run("engine-platform").verdict == Verdict::skip);
    REQUIRE(stage.scene.platform.find() != nullptr);
    CHECK(stage.scene.platform.find()->docker_platform() == "linux/arm64");
}

TEST_CASE("builder") {
    const auto check = [](bool podman, bool buildkit, bool containerd_store, const std::optional<std::string>& wish) {
        const test::Variable variable("DOCKER_BUILDKIT", wish);
        Stage stage;
        auto info = info_of(gb, 1);
        info.version = "26.1.5";
        info.containerd_store = containerd_store;
        stage.scene.info.set(info);
        stage.scene.identity.set({.podman = podman, .newest_api = "1.45", .api_version = "1.45", .buildkit = buildkit});
        return stage.run("engine-builder");
    };
    CHECK(check(false, true, false, {}).observed == "BuildKit");
    CHECK(check(false, true, false, "0").verdict == Verdict::pass);
    CHECK(contains(check(false, true, false, "0").observed, "DOCKER_BUILDKIT"));
    CHECK(check(true, false, false, {}).verdict == Verdict::pass);
    CHECK(check(true, false, false, "1").verdict == Verdict::warn);
    CHECK(contains(check(false, true, true, {}).observed, "27.5"));
    CHECK(check(false, true, true, "1").verdict == Verdict::warn);
}

TEST_CASE("scopes of a token of GitHub's") {
    std::string scopes = "read:user, write:packages";
    int status = 200;
    test::HttpServer api([&](const test::Seen& seen) {
        CHECK(seen.line() == "GET /user");
        CHECK(seen.header("authorization").starts_with("Bearer "));
        test::Reply reply{.status = status, .headers = {}, .body = R"({"login":"otto"})"};
        if (!scopes.empty()) reply.headers.emplace_back("X-OAuth-Scopes", scopes);
        return reply;
    });
    const auto check = [&](const std::string& word, const std::string& repository = "ghcr.io/kong/x") {
        const test::Variable url("GITHUB_API_URL", api.url());
        Request request;
        request.repository = oci::Reference::parse(repository);
        Stage stage(std::move(request));
        stage.scene.credential.set(token(word));
        const Result result = stage.run("token-scopes");
        CHECK_FALSE(contains(result.observed + result.hint + result.where, word));
        return result;
    };
    CHECK(check("ghp_abcdef").verdict == Verdict::pass);
    CHECK(check("ghp_abcdef").observed ==
          "otto's token from /home/otto/.docker/config.json has read:user, write:packages");
    CHECK(check("gho_abcdef").verdict == Verdict::pass);
    CHECK(check("ghp_abcdef", "127.0.0.1:5000/kong/x").verdict == Verdict::skip);
    scopes = "read:packages";
    CHECK(check("ghp_abcdef").verdict == Verdict::fail);
    CHECK(contains(check("ghp_abcdef").hint, "write:packages"));
    scopes = "";
    CHECK(check("ghp_abcdef").verdict == Verdict::skip);
    const auto asked = api.seen().size();
    CHECK(check("ghs_abcdef").verdict == Verdict::skip);
    CHECK(check("github_pat_abcdef").verdict == Verdict::fail);
    CHECK(api.seen().size() == asked);  // these tell by their kind
    status = 401;
    CHECK(check("ghp_abcdef").verdict == Verdict::fail);
    status = 503;
    CHECK(check("ghp_abcdef").verdict == Verdict::skip);
}

TEST_CASE("a token goes to https, or to this machine") {
    const test::Variable url("GITHUB_API_URL", "http://api.example.com");
    Stage stage;
    stage.scene.credential.set(token("ghp_abcdef"));
    const Result result = stage.run("token-scopes");
    CHECK(result.verdict == Verdict::fail);
    CHECK(contains(result.observed, "not https"));
}

TEST_SUITE_END();
