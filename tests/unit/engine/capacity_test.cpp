// SPDX-License-Identifier: Apache-2.0
#include "engine/capacity.hpp"

#include <nlohmann/json.hpp>

#include "engine/scene.hpp"
#include "engine/space.hpp"

using namespace wasmx;
using namespace wasmx::engine;

namespace {

Info info_of_another_machine() {
    Info info;
    info.os = "linux";
    info.architecture = "aarch64";
    info.kernel = "of another machine";
    info.memory = 1 << 30;
    info.processors = 3;
    info.root = "/";
    return info;
}

std::vector<Scene::Step> run_of(int exit_code, const std::string& output) {
    return {{"POST /v1.41/containers/create", json_reply(201, R"({"Id":"c1"})")},
            {"POST /v1.41/containers/c1/start", {.status = 204}},
            {"POST /v1.41/containers/c1/wait", json_reply(200, R"({"StatusCode":)" + std::to_string(exit_code) + "}")},
            {"GET /v1.41/containers/c1/logs?stdout=1&stderr=1", {.body = output}},
            {"DELETE /v1.41/containers/c1?force=1&v=1", {.status = 204}}};
}

const std::string df_output =
    "Filesystem     1024-blocks      Used Available Capacity Mounted on\r\n"
    "overlay          263174212 180244224  69488940      73% /\r\n";

}  // namespace

TEST_SUITE_BEGIN("engine");

TEST_CASE("cgroups of version 2: the tightest limit on the way up") {
    const test::Folder folder;
    folder.write("proc/7/cgroup", "0::/system.slice/docker.service\n");
    folder.write("cgroup/system.slice/docker.service/memory.max", "max\n");
    folder.write("cgroup/system.slice/memory.max", "4000000000\n");
    folder.write("cgroup/system.slice/cpu.max", "250000 100000\n");
    folder.write("cgroup/system.slice/docker.service/cpu.max", "max 100000\n");
    const auto limits = cgroup_limits(7, folder.path() / "proc", folder.path() / "cgroup");
    CHECK(limits.memory == 4000000000);
    CHECK(contains(limits.memory_file, "cgroup/system.slice/memory.max"));
    CHECK(limits.processors == 3);  // two and a half
    CHECK(contains(limits.processors_file, "system.slice/cpu.max"));
}

TEST_CASE("cgroups of version 1") {
    const test::Folder folder;
    folder.write("proc/7/cgroup", "9:memory:/a/b\n4:cpu,cpuacct:/a\n1:name=systemd:/\n0::/a/b\n");
    folder.write("cgroup/memory/a/b/memory.limit_in_bytes", "9223372036854771712\n");
    folder.write("cgroup/memory/a/memory.limit_in_bytes", "2000000000\n");
    folder.write("cgroup/memory/memory.limit_in_bytes", "3000000000\n");
    folder.write("cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "100000\n");
    folder.write("cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
    const auto limits = cgroup_limits(7, folder.path() / "proc", folder.path() / "cgroup");
    CHECK(limits.memory == 2000000000);
    CHECK(limits.processors == 1);
}

TEST_CASE("no limit, or none to be seen") {
    const test::Folder folder;
    folder.write("proc/7/cgroup", "0::/../../above\nrubbish\n:::\n");
    folder.write("proc/8/cgroup", "4:cpu:/a\n");
    folder.write("cgroup/cpu/a/cpu.cfs_quota_us", "-1\n");
    folder.write("cgroup/cpu/a/cpu.cfs_period_us", "100000\n");
    for (const pid_t process : {7, 8, 9}) {
        const auto limits = cgroup_limits(process, folder.path() / "proc", folder.path() / "cgroup");
        CHECK_FALSE(limits.memory);
        CHECK_FALSE(limits.processors);
    }
}

TEST_CASE("an engine on another machine is believed, and its process is not looked for here") {
    const Endpoint endpoint{"/nowhere.sock", "--host"};
    const Capacity capacity = capacity_of(endpoint, info_of_another_machine());
    CHECK(capacity.memory == 1 << 30);
    CHECK(capacity.processors == 3);
    CHECK(capacity.memory_from == "/info");
    CHECK_FALSE(find_local_process(endpoint, info_of_another_machine()));
    CHECK_FALSE(find_local_space(endpoint, info_of_another_machine()));
}

TEST_CASE("room, as df in a container tells it, which may do nothing else") {
    Scene scene(run_of(0, df_output));
    const Space space = space_in_container(scene.engine(), "base:1");
    CHECK(space.size == 263174212ULL * 1024);
    CHECK(space.free == 69488940ULL * 1024);
    CHECK(space.from == "df in a container of base:1");
    CHECK(scene.verdict() == "");
    const auto asked = nlohmann::json::parse(scene.seen().at(0).body);
    CHECK(asked.at("Image") == "base:1");
    CHECK(asked.at("Entrypoint") == nlohmann::json{"df"});
    CHECK(asked.at("Cmd") == nlohmann::json{"-P", "-k", "/"});
    CHECK(asked.at("User") == "65534:65534");
    CHECK(asked.at("Healthcheck").at("Test") == nlohmann::json{"NONE"});
    const auto host = asked.at("HostConfig");
    CHECK(host.at("NetworkMode") == "none");
    CHECK(host.at("CapDrop") == nlohmann::json{"ALL"});
    CHECK(host.at("SecurityOpt") == nlohmann::json{"no-new-privileges"});
    CHECK(host.at("ReadonlyRootfs") == true);
    CHECK(host.at("PidsLimit") == 16);
    CHECK(host.at("Memory") == 64 << 20);
    CHECK(host.at("MemorySwap") == 64 << 20);
}

TEST_CASE("an image without df, and df that fails or prints something else") {
    Scene without({{"POST /v1.41/containers/create", json_reply(201, R"({"Id":"c1"})")},
                   {"POST /v1.41/containers/c1/start",
                    json_reply(400, R"({"message":"exec: \"df\": executable file not found"})")},
                   {"DELETE /v1.41/containers/c1?force=1&v=1", {.status = 204}}});
    CHECK(contains(error_of([&] { space_in_container(without.engine(), "base:1"); }).message(),
                   "executable file not found"));
    CHECK(without.verdict() == "");
    Scene failing(run_of(3, "no\n"));
    CHECK(contains(error_of([&] { space_in_container(failing.engine(), "base:1"); }).message(),
                   "in a container of base:1 ended with exit code 3: no"));
    Scene other(run_of(0, "hello\n"));
    CHECK(contains(error_of([&] { space_in_container(other.engine(), "base:1"); }).message(), "printed hello"));
}

TEST_SUITE_END();
