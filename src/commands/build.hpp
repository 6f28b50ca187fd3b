// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "commands/sending.hpp"
#include "commands/wanted.hpp"

namespace wasmx::commands {

void run_build(App& app, const Arguments& arguments);

inline constexpr std::array own_build_options{
    Option{"--push", "", "push the image when it is built and checked"},
    Option{"--no-cache", "", "build although the engine has the image already; what is compiled stays"},
    Option{"--fresh", "", "empty the work volume first: compile everything again"},
    Option{"--detach", "", "start the build and return; it goes on in the engine"},
    Option{"--wait", "", "wait while another build uses the work volume"},
    Option{"--jobs", "N", "compile jobs (default: auto, as many as processors and memory allow)"},
    Option{"--memory", "SIZE", "limit of the build container's memory (default: none)"},
    Option{"--timeout", "TIME", "stop the build after so long, as 5h30m; the same command again continues it"},
    Option{"--depot-tools", "REF",
           "build V8 with this commit, tag or branch of depot_tools (default: the commit that V8's DEPS name)"},
    Option{"--proxy-from-env", "",
           "the build uses the proxies of this shell ($HTTP_PROXY …), before `proxies` of ~/.docker/config.json"},
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
        "The build runs in a container. Ctrl-C stops it; a closed terminal does not. What is compiled is kept in a\n"
        "volume, so the same command again goes on where a build stopped, whatever stopped it.\n"
        "DOCKER_BUILDKIT=0 asks for the engine's classic builder; it concerns the base image alone.\n\n"
        "Examples:\n"
        "  wasmx-image build --push\n"
        "  wasmx-image build --source ~/ngx_wasm_module --runtime-version 13.1.201.15 --output dist",
    .run = run_build,
};

}  // namespace wasmx::commands
