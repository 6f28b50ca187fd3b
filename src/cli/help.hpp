// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>

#include "commands/command.hpp"

namespace wasmx::cli {

inline constexpr std::array common_options{
    commands::Option{"--progress", "FORM", "how to show what is going on (default: auto)", "auto|tty|plain|json"},
    commands::Option{"-q,--quiet", "", "show only warnings and errors"},
    commands::Option{"-h,--help", "", "this text"},
};

std::string help_text();
std::string help_text(const commands::Command& command);
std::string version_text();

}  // namespace wasmx::cli
