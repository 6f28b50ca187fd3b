// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "commands/command.hpp"

namespace wasmx::commands {

void run_extract(App& app, const Arguments& arguments);

inline constexpr std::array extract_options{
    Option{"-o,--output", "DIR", "the folder to write to (default: the current one)"},
    Option{"--path", "PATH",
           "what to take: a file, a folder, or a pattern (default: the package of the tag, or of the image's "
           "annotations)"},
    Option{"--unpack", "", "write the runtime's tree in the package, not the package"},
    Option{"--stdout", "", "write the file to standard output, and nothing else"},
    Option{"--list", "", "show what is at --path (default: the package's folder), and write nothing"},
    Option{"--json", "", "what was taken, in JSON (src/extract/report.schema.json), on standard output"},
    Option{"--format", "FORM", "json is the same as --json", "text|json"},
    Option{"--platform", "PLATFORM", "linux/amd64 or linux/arm64 (default: what the tag says, else this machine's)"},
    Option{"--no-verify", "", "take the package also where it is not what its consumers expect"},
    Option{"--max-size", "SIZE", "refuse to take more out of the image than this (default: 16GB)"},
};

inline constexpr Command extract_command{
    .name = "extract",
    .summary = "Take the packaged runtime out of a published image, without an engine",
    .operand = "IMAGE",
    .operand_help = "ghcr.io/kong/ngx-wasm-runtimes:v8-13.1.201.15-linux-arm64, or with @DIGEST behind it",
    .options = extract_options,
    .notes =
        "A file appears under its name only when its digest, or that of every layer that had a say, has been "
        "verified.\n"
        "A package is then held against its contract, as `verify` does.\n\n"
        "A folder keeps its name in DIR; PATH/. and PATH/* are what is in it. For these, as for --list, layers are "
        "read as\n"
        "far down as it takes for nothing to be missing. Nothing that is in DIR is replaced but a file that PATH or "
        "the "
        "tag\n"
        "names. Links that lead out of what is taken, and devices, are left out, with a warning.\n\n"
        "On standard output: a line for each file as sha256sum writes it, DIGEST and PATH; with --unpack the tree's "
        "path.\n"
        "In GitHub Actions: the outputs path, sha256, size and digest (the image's), and a table in the step's "
        "summary.\n\n"
        "Examples:\n"
        "  wasmx-image extract ghcr.io/kong/ngx-wasm-runtimes:v8-13.1.201.15-linux-arm64 -o dist\n"
        "  wasmx-image extract ghcr.io/kong/ngx-wasm-runtimes:v8-13.1.201.15-linux-arm64 --path '/wasmx/dist/*'\n"
        "  wasmx-image extract --stdout ghcr.io/kong/ngx-wasm-runtimes:v8-13.1.201.15-linux-arm64 | tar tz",
    .run = run_extract,
};

}  // namespace wasmx::commands
