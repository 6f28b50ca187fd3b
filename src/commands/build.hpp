// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "commands/command.hpp"

namespace wasmx::commands {

void run_build(App& app, const Arguments& arguments);

inline constexpr std::array build_options{
    Option{"--source", "DIR|GIT-URL",
           "the ngx_wasm_module tree (default: https://github.com/Kong/ngx_wasm_module.git)"},
    Option{"--ref", "REF", "branch, tag or commit of it (default: main of a URL, HEAD of a folder)"},
    Option{"--allow-dirty", "", "build a work tree with uncommitted changes as it stands"},
    Option{"--runtime", "NAME", "the runtime to package (default: v8)", "v8|wasmtime|wasmer"},
    Option{"--runtime-version", "VERSION",
           "its version (default: $V8_VERSION for v8, the release workflow, the module's Makefile)"},
    Option{"--workflow", "FILE", "read the version from this workflow instead of the built-in release workflow"},
    Option{"--platform", "PLATFORM", "linux/amd64 or linux/arm64 (default: the engine's)"},
    Option{"--allow-emulation", "",
           "build for another platform than the engine's, under emulation: V8 takes more than 6 hours so"},
    Option{"--base-image", "REFERENCE",
           "build on this image, pulled if need be (default: wasmx-build-ubuntu, built from the module if need be)"},
    Option{"--repository", "NAME", "where the image belongs (default: ghcr.io/kong/ngx-wasm-runtimes)"},
    Option{"-t,--tag", "REFERENCE", "the image's whole name, instead of --repository and the tag of the contract"},
    Option{"--push", "", "push the image when it is built and checked"},
    Option{"--no-cache", "", "run every step, whatever the engine remembers"},
    Option{"--output", "DIR", "also write the tarball and its .sha256 to this folder"},
    Option{"--dry-run", "", "say what would be done; change nothing anywhere"},
    Option{"--host", "ADDRESS", "the engine, as unix:///path (default: as the docker program finds it)"},
    Option{"--log-file", "FILE", "where the whole log goes (default: a new file in ~/.local/state/wasmx-image)"},
};

inline constexpr Command build_command{
    .name = "build",
    .summary = "Build the image of a packaged runtime, and push it with --push",
    .operand = "",
    .operand_help = "",
    .options = build_options,
    .notes =
        "On standard output: the image's ID, or with --push REFERENCE@DIGEST.\n"
        "DOCKER_BUILDKIT=0 asks for the engine's classic builder.\n\n"
        "Examples:\n"
        "  wasmx-image build --push\n"
        "  wasmx-image build --source ~/ngx_wasm_module --runtime-version 13.1.201.15 --output dist",
    .run = run_build,
};

}  // namespace wasmx::commands
