// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "commands/command.hpp"

namespace wasmx::cli {

enum class ProgressForm { automatic, tty, plain, json };

/// What the command line says.
struct Invocation {
    const commands::Command* command = nullptr;  ///< nullptr: only `answer`
    commands::Arguments arguments;
    ProgressForm progress = ProgressForm::automatic;
    bool quiet = false;
    std::string answer;  ///< text for standard output, of --help and --version
};

/// Throws Fault::usage, with the nearest name where one was mistyped.
Invocation parse(const std::vector<std::string>& words);

}  // namespace wasmx::cli
