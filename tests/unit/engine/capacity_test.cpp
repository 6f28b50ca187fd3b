// SPDX-License-Identifier: Apache-2.0
#include "engine/capacity.hpp"

#include "engine/scene.hpp"

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
}

TEST_SUITE_END();
