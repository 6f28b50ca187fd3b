// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "commands/command.hpp"

namespace wasmx::commands {

void run_builds(App& app, const Arguments& arguments);
void run_attach(App& app, const Arguments& arguments);
void run_cancel(App& app, const Arguments& arguments);
void run_cache(App& app, const Arguments& arguments);

inline constexpr Option engine_option{"--host", "ADDRESS",
                                      "the engine, as unix:///path (default: as the docker program finds it)"};
inline constexpr std::array builds_options{engine_option, Option{"--json", "", "a list in JSON"}};
inline constexpr std::array attach_options{engine_option};
inline constexpr std::array cache_options{
    engine_option, Option{"--prune", "", "remove all of it that no build uses; the next build compiles everything"}};

inline constexpr Command builds_command{
    .name = "builds",
    .summary = "List the builds on the engine: running, finished, failed",
    .operand = "",
    .operand_help = "",
    .options = builds_options,
    .notes = "Columns: state, since when, name, size of the work volume, last line of the log.",
    .run = run_builds,
};
inline constexpr Command attach_command{
    .name = "attach",
    .summary = "Show a build that runs, from its beginning",
    .operand = "ID",
    .operand_help = "name or key of the build, as `wasmx-image builds` lists it (default: the one that runs)",
    .operand_is_optional = true,
    .options = attach_options,
    .notes = "Ctrl-C ends the view; the build goes on. Exit code 1 when the build fails.",
    .run = run_attach,
};
inline constexpr Command cancel_command{
    .name = "cancel",
    .summary = "Stop a build; what is compiled stays",
    .operand = "ID",
    .operand_help = "name or key of the build, as `wasmx-image builds` lists it (default: the one that runs)",
    .operand_is_optional = true,
    .options = attach_options,
    .notes = "",
    .run = run_cancel,
};
inline constexpr Command cache_command{
    .name = "cache",
    .summary = "List what is kept to be faster next time, and remove it with --prune",
    .operand = "",
    .operand_help = "",
    .options = cache_options,
    .notes =
        "On the engine: work volumes (what is compiled) and source images. Here: layers of earlier pushes and clones "
        "of\n"
        "git repositories, below ~/.cache/wasmx-image.",
    .run = run_cache,
};

}  // namespace wasmx::commands
