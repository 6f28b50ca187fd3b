// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "commands/sending.hpp"

namespace wasmx::commands {

void run_push(App& app, const Arguments& arguments);

inline constexpr std::array own_push_options{
    Option{"--host", "ADDRESS", "the engine, as unix:///path (default: as the docker program finds it)"},
    Option{"--overwrite", "", "a tag that is published, and made from something else, may be replaced"},
    Option{"--no-verify", "", "push an image that is named like a packaged runtime as it is, whatever it holds"},
};
inline constexpr auto push_options = joined(own_push_options, sending_options);

inline constexpr Command push_command{
    .name = "push",
    .summary = "Push an image that the engine has to its registry",
    .operand = "IMAGE",
    .operand_help =
        "the image's name, which says where it goes: ghcr.io/kong/ngx-wasm-runtimes:v8-13.1.201.15-linux-arm64",
    .options = push_options,
    .notes =
        "On standard output: REFERENCE@DIGEST. In GitHub Actions the step gets the outputs reference and digest.\n"
        "A published tag is only replaced by an image of the same commit, version and base, by its labels.\n"
        "Credentials are those of `docker login`: $DOCKER_AUTH_CONFIG, $DOCKER_CONFIG/config.json, credential "
        "helpers.\n"
        "A token service on another host gets them only with WASMX_TRUST_TOKEN_SERVICE=REGISTRY=HOST.",
    .run = run_push,
};

}  // namespace wasmx::commands
