// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "engine/engine.hpp"

namespace wasmx::engine {

/// What a build may use, and who says so: "/info", or the file of the cgroup that allows less. (engine/measure.hpp)
struct Capacity {
    std::uint64_t memory = 0;  ///< bytes
    std::string memory_from;
    std::uint64_t processors = 0;
    std::string processors_from;
};

/// The engine's process, when it runs on this machine and can be seen: whoever listens on the socket, unless that only
/// passes on to another machine.
std::optional<pid_t> find_local_process(const Endpoint& endpoint, const Info& info);
/// A file of the kernel; one that may not be read is as good as not there.
std::string text_of_file(const std::filesystem::path& path);

}  // namespace wasmx::engine
