// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "commands/command.hpp"

namespace wasmx::commands {

void run_push(App& app, const Arguments& arguments);

inline constexpr std::array push_options{
    Option{"--host", "ADDRESS", "the engine, as unix:///path (default: as the docker program finds it)"},
};

inline constexpr Command push_command{
    .name = "push",
    .summary = "Push an image that the engine has to its registry",
    .operand = "IMAGE",
    .operand_help =
        "the image's name, which says where it goes: ghcr.io/kong/ngx-wasm-runtimes:v8-13.1.201.15-linux-arm64",
    .options = push_options,
    .notes =
        "On standard output: REFERENCE@DIGEST.\n"
        "Credentials are those of `docker login`: $DOCKER_AUTH_CONFIG, $DOCKER_CONFIG/config.json, credential helpers.",
    .run = run_push,
};

}  // namespace wasmx::commands
