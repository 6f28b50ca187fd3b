// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "commands/command.hpp"

namespace wasmx::commands {

void run_verify(App& app, const Arguments& arguments);

inline constexpr std::array verify_options{
    Option{"--run", "", "build a small program against it, with $CC or cc, and run it, where it is for this machine"},
    Option{"--runtime-version", "VERSION", "of which version (default: what the name says)"},
    Option{"--platform", "PLATFORM", "linux/amd64 or linux/arm64 (default: what the name says)"},
    Option{"--strict", "", "warnings fail too"},
    Option{"--verbose", "", "tell what each point asks"},
    Option{"--json", "", "report in JSON (src/artifact/report.schema.json), on standard output alone"},
};

inline constexpr Command verify_command{
    .name = "verify",
    .summary = "Hold a package, published or in a file, against the contract",
    .operand = "IMAGE|TARBALL",
    .operand_help =
        "the .tar.gz, or the image it is in, by a tag such as "
        "ghcr.io/kong/ngx-wasm-runtimes:v8-13.1.201.15-linux-arm64",
    .options = verify_options,
    .notes =
        "An image is read from its registry alone, without an engine. A .sha256 file beside the tarball is held "
        "against it.\n\n"
        "On standard output: the report. Exit code 0: nothing failed (a warning is no failure without --strict); 1: a\n"
        "point failed; 2: the command line is wrong.\n\n"
        "Examples:\n"
        "  wasmx-image verify dist/ngx_wasm_runtime-v8-13.1.201.15-linux-arm64.tar.gz\n"
        "  wasmx-image verify --run ghcr.io/kong/ngx-wasm-runtimes:v8-13.1.201.15-linux-arm64\n"
        "  wasmx-image verify --json dist/ngx_wasm_runtime-v8-13.1.201.15-linux-arm64.tar.gz | jq .summary",
    .run = run_verify,
};

}  // namespace wasmx::commands
