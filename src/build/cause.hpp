// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace wasmx::build {

/// What is known of a build container that ended without a package.
struct Evidence {
    int exit_code = 0;
    bool oom_killed = false;                  ///< the engine or the kernel says that a process was killed for memory
    std::optional<std::uint64_t> free_bytes;  ///< of the fullest disk in the container when the script ended
    std::vector<std::string> lines;           ///< of the first failed step, or else the last ones
};

/// The cause and the next step, as a hint: by the evidence first, by the words of the lines last. Empty: unknown.
std::string cause_of(const Evidence& evidence);
/// By the words alone; the last line that says something counts.
std::string cause_of(const std::vector<std::string>& lines);

}  // namespace wasmx::build
