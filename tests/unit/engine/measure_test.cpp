// SPDX-License-Identifier: Apache-2.0
#include "engine/measure.hpp"

#include <nlohmann/json.hpp>

#include "engine/scene.hpp"
#include "images/data.hpp"
#include "io/process.hpp"

using namespace wasmx;
using namespace wasmx::engine;

namespace {

const std::string id = "sha256:" + std::string(64, 'a');

Info info_of_engine() {
    Info info;
    info.os = "linux";
    info.architecture = oci::Platform::of_this_machine().uname_arch();
    info.kernel = "of another machine";
    info.memory = 64'000'000'000;
    info.processors = 16;
    return info;
}

const Scene::Step import_step{"POST /v1.41/images/create?fromSrc=-", json_reply(200, R"({"status":"Importing"})"
                                                                                     "\n"
                                                                                     R"({"status":")" +
                                                                                         id +
                                                                                         R"("})"
                                                                                         "\n")};
const Scene::Step create_step{"POST /v1.41/containers/create?name=wasmx-image-probe-*",
                              json_reply(201, R"({"Id":"c1"})")};
const Scene::Step remove_step{"DELETE /v1.41/containers/c1?force=1&v=1", {.status = 204}};
const Scene::Step forget_step{"DELETE /v1.41/images/" + id + "?force=1", json_reply(200, "[]")};

std::vector<Scene::Step> run_of(const std::string& output) {
    return {create_step,
            {"POST /v1.41/containers/c1/start", {.status = 204}},
            {"POST /v1.41/containers/c1/wait", json_reply(200, R"({"StatusCode":0})")},
            {"GET /v1.41/containers/c1/logs?stdout=1&stderr=1", {.body = output}},
            remove_step};
}

std::vector<Scene::Step> joined(std::vector<std::vector<Scene::Step>> parts) {
    std::vector<Scene::Step> out;
    for (auto& part : parts) out.insert(out.end(), part.begin(), part.end());
    return out;
}

}  // namespace

TEST_SUITE_BEGIN("engine");

TEST_CASE("what a container gets: its disk, its clock, and the tightest limit of the cgroups above it") {
    const Measured plain = measured_by("disk 2000 1000\r\nclock 1700000000\r\nprocessors 8\r\n", info_of_engine());
    CHECK(plain.disk_size == 2000);
    CHECK(plain.disk_free == 1000);
    CHECK(plain.clock == 1'700'000'000);
    CHECK(plain.capacity.memory == 64'000'000'000);
    CHECK(plain.capacity.memory_from == "/info");
    CHECK(plain.capacity.processors == 8);

    const Measured two = measured_by(
        "disk 2 1\nprocessors 8\nmemory.max max\ncpu.max max 100000\nmemory.max 4000000000\ncpu.max 250000 100000\n",
        info_of_engine());
    CHECK(two.capacity.memory == 4'000'000'000);
    CHECK(two.capacity.memory_from == "memory.max of a cgroup that the engine's containers are in");
    CHECK(two.capacity.processors == 3);

    const Measured one = measured_by(
        "disk 2 1\nprocessors 8\nmemory.limit_in_bytes 9223372036854771712\nmemory.limit_in_bytes 2000000000\n"
        "cpu.cfs_period_us 100000\ncpu.cfs_quota_us -1\ncpu.cfs_period_us 100000\ncpu.cfs_quota_us 100000\n",
        info_of_engine());
    CHECK(one.capacity.memory == 2'000'000'000);
    CHECK(one.capacity.processors == 1);

    for (const std::string output : {"", "\n", "hello\n", "disk\n", "disk 1\n", "processors 8\n"}) {
        CAPTURE(output);
        CHECK(contains(error_of([&] { measured_by(output, info_of_engine()); }).message(), "says nothing of its disk"));
    }
}

TEST_CASE("the program says what it has, here as in a container") {
    const test::Folder folder;
    const auto path = folder.write("probe", std::string(images::probe_program()));
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    const auto result = io::run({.argv = {path.string()}, .env = {}, .input = {}}, {});
    CHECK(result.exit_code == 0);
    const Measured here = measured_by(result.out, info_of_engine());
    CHECK(here.disk_size > 0);
    CHECK(here.disk_free <= here.disk_size);
    CHECK(here.clock > 1'700'000'000);
    CHECK(here.capacity.processors_from == "a container of the engine");
}

TEST_CASE("measuring leaves nothing on the engine, and its container may do nothing") {
    Scene scene(joined({{import_step}, run_of("disk 2000 1000\nprocessors 4\n"), {forget_step}}));
    CHECK(measure(scene.engine(), info_of_engine()).disk_free == 1000);
    CHECK(scene.verdict() == "");
    const auto asked = nlohmann::json::parse(scene.seen().at(1).body);
    CHECK(asked.at("Image") == id);
    CHECK(asked.at("Entrypoint") == nlohmann::json{"/probe"});
    CHECK(asked.at("User") == "65534:65534");
    const auto host = asked.at("HostConfig");
    CHECK(host.at("NetworkMode") == "none");
    CHECK(host.at("CapDrop") == nlohmann::json{"ALL"});
    CHECK(host.at("SecurityOpt") == nlohmann::json{"no-new-privileges"});
    CHECK(host.at("ReadonlyRootfs") == true);
    CHECK(host.at("Mounts").at(0).at("ReadOnly") == true);
    CHECK_FALSE(host.contains("Memory"));  // it would be measured
}

TEST_CASE("an engine that lets nobody see its cgroups still tells of its disk") {
    const Scene::Step refusal{"POST /v1.41/containers/create?name=wasmx-image-probe-*",
                              json_reply(403, R"({"message":"bind mounts are forbidden"})")};
    Scene scene(joined({{import_step, refusal}, run_of("disk 2000 1000\nprocessors 4\n"), {forget_step}}));
    CHECK(measure(scene.engine(), info_of_engine()).disk_free == 1000);
    CHECK(scene.verdict() == "");
    CHECK_FALSE(nlohmann::json::parse(scene.seen().at(2).body).at("HostConfig").contains("Mounts"));
}

TEST_CASE("an engine that does not let us measure, or runs on another kind of machine") {
    Scene forbidden(
        {{"POST /v1.41/images/create?fromSrc=-", json_reply(403, R"({"message":"forbidden by the proxy"})")}});
    CHECK(
        contains(error_of([&] { measure(forbidden.engine(), info_of_engine()); }).message(), "forbidden by the proxy"));
    Info other = info_of_engine();
    other.architecture = other.architecture == "x86_64" ? "aarch64" : "x86_64";
    Scene unasked({});
    CHECK(contains(error_of([&] { measure(unasked.engine(), other); }).message(), "the engine runs programs for"));
}

TEST_SUITE_END();
