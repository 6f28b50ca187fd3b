// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "commands/command.hpp"

namespace wasmx::commands {

void run_extract(App& app, const Arguments& arguments);

inline constexpr std::array extract_options{
    Option{"-o,--output", "DIR", "the folder to write to (default: the current one)"},
    Option{"--path", "PATH", "the file to take (default: the packaged runtime that the image's tag names)"},
    Option{"--platform", "PLATFORM", "linux/amd64 or linux/arm64 (default: what the tag says, else this machine's)"},
    Option{"--stdout", "", "write the file to standard output, and nothing else"},
};

inline constexpr Command extract_command{
    .name = "extract",
    .summary = "Take the packaged runtime out of a published image, without an engine",
    .operand = "IMAGE",
    .operand_help = "ghcr.io/kong/ngx-wasm-runtimes:v8-13.1.201.15-linux-arm64, or with @DIGEST behind it",
    .options = extract_options,
    .notes =
        "On standard output: a line as sha256sum writes it, DIGEST and PATH.\n\n"
        "Examples:\n"
        "  wasmx-image extract ghcr.io/kong/ngx-wasm-runtimes:v8-13.1.201.15-linux-arm64 -o dist\n"
        "  wasmx-image extract --stdout ghcr.io/kong/ngx-wasm-runtimes:v8-13.1.201.15-linux-arm64 | tar tz",
    .run = run_extract,
};

}  // namespace wasmx::commands
