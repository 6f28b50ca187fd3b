// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "commands/wanted.hpp"

namespace wasmx::commands {

void run_doctor(App& app, const Arguments& arguments);

inline constexpr std::array own_doctor_options{
    Option{"--only", "ID[,ID]", "run these checks, and those they need", "", Repeats::yes},
    Option{"--strict", "", "warnings fail too"},
    Option{"--list", "", "list the checks and run none"},
    Option{"--verbose", "", "tell everything that is known of every check"},
    Option{"--json", "", "report in JSON (src/doctor/report.schema.json), on standard output alone"},
};
inline constexpr auto doctor_options = joined(wanted_options, own_doctor_options);

inline constexpr Command doctor_command{
    .name = "doctor",
    .summary = "Tell whether `build --push` will work here",
    .operand = "",
    .operand_help = "",
    .options = doctor_options,
    .notes =
        "Takes the options of `build`, and runs the checks that `build` runs before anything else. It builds, pulls "
        "and\n"
        "pushes nothing; of the source it fetches one commit, for the version stands in its Makefile.\n\n"
        "On standard output: the report. Exit code 0: nothing failed (a warning is no failure without --strict); 1: a\n"
        "check failed; 2: the command line is wrong.\n\n"
        "Examples:\n"
        "  wasmx-image doctor\n"
        "  wasmx-image doctor --only registry-push,registry-tag --runtime-version 13.1.201.15 --platform linux/arm64\n"
        "  wasmx-image doctor --json | jq -r '.checks[] | select(.verdict == \"fail\") | .hint'",
    .run = run_doctor,
};

}  // namespace wasmx::commands
