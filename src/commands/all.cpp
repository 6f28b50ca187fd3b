// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "commands/build.hpp"
#include "commands/builds.hpp"
#include "commands/doctor.hpp"
#include "commands/extract.hpp"
#include "commands/push.hpp"
#include "commands/verify.hpp"

namespace wasmx::commands {

std::span<const Command> all() {
    static constexpr std::array commands{doctor_command,  build_command,  builds_command,
                                         attach_command,  cancel_command, push_command,
                                         extract_command, verify_command, cache_command};
    return commands;
}

}  // namespace wasmx::commands
