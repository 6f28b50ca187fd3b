// SPDX-License-Identifier: Apache-2.0
#pragma once
// commands: one file for each subcommand: it reads its arguments, calls the rooms in their order, and gives the result.
// What a terminal is, and how a command line is parsed, it does not know: that is `cli`.

#include <array>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/progress.hpp"
#include "io/http.hpp"

namespace wasmx::commands {

/// How text on standard output may look.
struct Output {
    bool colour = false;
    bool symbols = false;      ///< it is a terminal that shows ✓
    std::size_t width = 4096;  ///< columns; where it is no terminal, no line is broken
};

/// What a command works with; made by `cli`.
struct App {
    io::HttpClient& http;
    Progress& progress;
    std::stop_token stop;
    /// Whether it was the terminal that went away (SIGHUP) which asked us to stop.
    std::function<bool()> has_hung_up;
    /// One line of result, for standard output.
    std::function<void(std::string_view)> result;
    /// From here on everything is also written to this file; its folder is created.
    std::function<void(const std::filesystem::path&)> keep_log;
    /// A line for whoever runs us as a step of a workflow, on standard error as it is.
    std::function<void(std::string_view)> tell_runner;
    Output output;
};

/// Whether an option may be given several times; its values are then one list with commas. Else the last one counts.
enum class Repeats { no, yes };

/// One option, as parsing, help and completion all take it.
struct Option {
    std::string_view names;  ///< "--source", "-o,--output"
    std::string_view value;  ///< what its value is called ("DIR"); empty: it takes none
    std::string_view help;
    std::string_view choices{};  ///< "auto|tty|plain"; empty: any text
    Repeats repeats = Repeats::no;
};

/// Two tables of options as one.
template <std::size_t A, std::size_t B>
constexpr std::array<Option, A + B> joined(const std::array<Option, A>& first, const std::array<Option, B>& second) {
    std::array<Option, A + B> out{};
    for (std::size_t i = 0; i < A; ++i) out[i] = first[i];
    for (std::size_t i = 0; i < B; ++i) out[A + i] = second[i];
    return out;
}

/// What was given, by an option's last name ("--output").
class Arguments {
public:
    std::map<std::string, std::string, std::less<>> values;
    std::string operand;

    bool has(std::string_view name) const { return values.contains(name); }
    /// Empty when it was not given.
    std::string text(std::string_view name) const {
        const auto found = values.find(name);
        return found == values.end() ? std::string() : found->second;
    }
    std::string text_or(std::string_view name, std::string_view fallback) const {
        return has(name) ? text(name) : std::string(fallback);
    }
};

/// One row: everything `cli` knows of a subcommand.
struct Command {
    std::string_view name;
    std::string_view summary;  ///< one line
    std::string_view operand;  ///< "IMAGE"; empty: it takes none
    std::string_view operand_help;
    bool operand_is_optional = false;
    std::span<const Option> options;
    std::string_view notes;  ///< below the options in --help
    void (*run)(App&, const Arguments&);
};

/// All of them, in the order of --help.
std::span<const Command> all();

}  // namespace wasmx::commands
