// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "engine/engine.hpp"

namespace wasmx::engine {

/// What the steps of a build may use, and who says so: "/info", or the file of the cgroup that allows less.
struct Capacity {
    std::uint64_t memory = 0;  ///< bytes
    std::string memory_from;
    std::uint64_t processors = 0;
    std::string processors_from;
};

/// What /info says, less what the cgroups of the engine's own process allow, where that process can be seen.
Capacity capacity_of(const Endpoint& endpoint, const Info& info);

/// What a quota of CPU time in a period comes to: whole processors, rounded up; nullopt when it is no limit.
std::optional<std::uint64_t> processors_of_quota(std::optional<std::uint64_t> quota,
                                                 std::optional<std::uint64_t> period);
/// The engine's process, when it runs on this machine and can be seen: whoever listens on the socket, unless that only
/// passes on to another machine.
std::optional<pid_t> find_local_process(const Endpoint& endpoint, const Info& info);
/// A file of the kernel; one that may not be read is as good as not there.
std::string text_of_file(const std::filesystem::path& path);
/// The tightest limit that the cgroups of a process, or those above them, set; `proc` and `cgroup` are the mount points
/// (/proc, /sys/fs/cgroup). Versions 1 and 2. (cgroups(7))
struct CgroupLimits {
    std::optional<std::uint64_t> memory;  ///< bytes
    std::string memory_file;
    std::optional<std::uint64_t> processors;  ///< whole ones, rounded up
    std::string processors_file;
};
CgroupLimits cgroup_limits(pid_t process, const std::filesystem::path& proc, const std::filesystem::path& cgroup);

}  // namespace wasmx::engine
