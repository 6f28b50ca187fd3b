// SPDX-License-Identifier: Apache-2.0
#include "cli/help.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace wasmx::cli {

namespace {

constexpr std::size_t width = 100;
constexpr std::size_t column = 28;

std::string row(std::string_view left, std::string_view help) {
    std::string out = "  " + std::string(left);
    out += out.size() + 2 > column ? "\n" + std::string(column, ' ') : std::string(column - out.size(), ' ');
    return out + wrapped(help, column, width) + "\n";
}

std::string rows(std::span<const commands::Option> options) {
    std::string out;
    for (const commands::Option& option : options) {
        std::string left;
        for (const std::string_view name : split(option.names, ','))
            left += (left.empty() ? (name.starts_with("--") ? "    " : "") : ", ") + std::string(name);
        if (!option.value.empty()) left += " " + std::string(option.choices.empty() ? option.value : option.choices);
        out += row(left, option.help);
    }
    return out;
}

}  // namespace

std::string version_text() { return "wasmx-image " WASMX_VERSION "\n"; }

std::string help_text() {
    std::string out =
        "Builds, publishes and unpacks the packaged Wasm runtimes of ngx_wasm_module.\n\n"
        "Usage: wasmx-image COMMAND [OPTIONS]\n\nCommands:\n";
    for (const commands::Command& command : commands::all()) out += row(command.name, command.summary);
    out += "\nOptions:\n" + row("-h, --help", "this text; `wasmx-image COMMAND --help` for a command's own") +
           row("    --version", "print the version");
    out += "\nExit codes: 0 done, 1 failed, 2 usage or configuration, 129, 130 and 143 interrupted.\n";
    return out;
}

std::string help_text(const commands::Command& command) {
    std::string out =
        fmt::format("{}.\n\nUsage: wasmx-image {} [OPTIONS]{}{}\n", command.summary, command.name,
                    command.operand.empty() ? "" : " ",
                    command.operand_is_optional ? fmt::format("[{}]", command.operand) : std::string(command.operand));
    if (!command.operand.empty()) out += "\n" + row(command.operand, command.operand_help);
    out += "\nOptions:\n" + rows(command.options);
    out += "\nCommon options:\n" + rows(common_options);
    if (!command.notes.empty()) out += fmt::format("\n{}\n", command.notes);
    return out;
}

}  // namespace wasmx::cli
