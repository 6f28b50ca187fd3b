// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "commands/sending.hpp"
#include "commands/wanted.hpp"

namespace wasmx::commands {

void run_build(App& app, const Arguments& arguments);

inline constexpr std::array own_build_options{
    Option{"--push", "", "push the image when it is built and checked"},
    Option{"--no-cache", "", "run every step, whatever the engine remembers"},
    Option{"--output", "DIR", "also write the tarball and its .sha256 to this folder"},
    Option{"--dry-run", "", "say what would be done; change nothing anywhere"},
    Option{"--log-file", "FILE", "where the whole log goes (default: a new file in ~/.local/state/wasmx-image)"},
};
inline constexpr auto build_options = joined(joined(own_build_options, wanted_options), sending_options);

inline constexpr Command build_command{
    .name = "build",
    .summary = "Build the image of a packaged runtime, and push it with --push",
    .operand = "",
    .operand_help = "",
    .options = build_options,
    .notes =
        "The checks of `wasmx-image doctor` come first: nothing is pulled, built or pushed unless they are well.\n"
        "On standard output: the image's ID, or with --push REFERENCE@DIGEST; then a step in GitHub Actions gets the\n"
        "outputs reference and digest.\n"
        "DOCKER_BUILDKIT=0 asks for the engine's classic builder.\n\n"
        "Examples:\n"
        "  wasmx-image build --push\n"
        "  wasmx-image build --source ~/ngx_wasm_module --runtime-version 13.1.201.15 --output dist",
    .run = run_build,
};

}  // namespace wasmx::commands
