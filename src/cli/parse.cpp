// SPDX-License-Identifier: Apache-2.0
#include "cli/parse.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <deque>

#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/help.hpp"

namespace wasmx::cli {

namespace {

std::string last_name(const commands::Option& option) { return std::string(split(option.names, ',').back()); }

// Where CLI11 puts what it finds; it keeps pointers, so the places do not move.
struct Slots {
    struct Slot {
        const commands::Option* option;
        CLI::Option* parsed;
        std::string value;
    };
    std::deque<Slot> slots;
    std::string operand;
};

void add_options(CLI::App& app, std::span<const commands::Option> options, Slots& slots) {
    for (const commands::Option& option : options) {
        auto& slot = slots.slots.emplace_back(Slots::Slot{&option, nullptr, {}});
        const std::string names(option.names);
        if (option.value.empty()) {
            slot.parsed =
                app.add_flag(names)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)->disable_flag_override();
            continue;
        }
        slot.parsed = app.add_option(names, slot.value)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
        if (option.repeats == commands::Repeats::yes)
            slot.parsed->delimiter(',')->multi_option_policy(CLI::MultiOptionPolicy::Join);
    }
}

std::vector<std::string> names_of(std::span<const commands::Option> options) {
    std::vector<std::string> out;
    for (const commands::Option& option : options)
        for (const std::string_view name : split(option.names, ',')) out.emplace_back(name);
    return out;
}

std::string see_help(const commands::Command& command) {
    return fmt::format("`wasmx-image {} --help` lists the options", command.name);
}

Error unexpected(const commands::Command& command, const std::string& word) {
    if (!word.starts_with('-'))
        return {Fault::usage,
                fmt::format("{} takes {}; \"{}\" is too much", command.name,
                            command.operand.empty() ? "no operand" : "one " + std::string(command.operand),
                            printable(word)),
                see_help(command)};
    auto names = names_of(command.options);
    for (std::string& name : names_of(common_options)) names.push_back(std::move(name));
    const std::string name = word.substr(0, word.find('='));
    const auto near = nearest(name, names);
    return {Fault::usage, fmt::format("{} has no option {}", command.name, printable(name)),
            near ? fmt::format("did you mean {}?", *near) : see_help(command)};
}

void check_choice(const commands::Option& option, const std::string& value) {
    if (option.choices.empty()) return;
    std::vector<std::string> choices;
    for (const std::string_view choice : split(option.choices, '|')) choices.emplace_back(choice);
    for (const std::string& choice : choices)
        if (choice == value) return;
    const auto near = nearest(value, choices);
    throw Error(
        Fault::usage, fmt::format("{} knows no \"{}\"", last_name(option), printable(value)),
        near ? fmt::format("did you mean {}?", *near) : fmt::format("it is {} {}", last_name(option), option.choices));
}

ProgressForm form_from(const std::string& name) {
    if (name == "tty") return ProgressForm::tty;
    if (name == "plain") return ProgressForm::plain;
    return name == "json" ? ProgressForm::json : ProgressForm::automatic;
}

// CLI11 would let `--push=false` count as --push.
void check_flags(const commands::Command& command, const std::vector<std::string>& words) {
    for (const auto options : {command.options, std::span<const commands::Option>(common_options)})
        for (const commands::Option& option : options)
            for (const std::string_view name : split(option.names, ','))
                for (const std::string& word : words)
                    if (option.value.empty() && word.starts_with(std::string(name) + "="))
                        throw Error(Fault::usage, fmt::format("{} takes no value", name), see_help(command));
}

void read(CLI::App& app, const commands::Command& command, std::vector<std::string> words) {
    check_flags(command, words);
    // CLI11 would take the next word for the value of `--tag=`.
    for (std::size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
        if (!words[i].starts_with("--") || words[i].find('=') != words[i].size() - 1) continue;
        words[i].pop_back();
        words.insert(words.begin() + static_cast<std::ptrdiff_t>(++i), "");
    }
    // It takes the words last first.
    std::reverse(words.begin(), words.end());
    try {
        app.parse(std::move(words));
    } catch (const CLI::ArgumentMismatch& error) {  // "--source: 1 required TEXT missing"
        const std::string_view said = error.what();
        const std::string_view name = said.substr(0, said.find(':'));
        for (const commands::Option& option : command.options)
            if (split(option.names, ',').back() == name)
                throw Error(Fault::usage, fmt::format("{} wants {}", name, option.value), std::string(option.help));
        throw Error(Fault::usage, fmt::format("{}: {}", command.name, printable(said)), see_help(command));
    } catch (const CLI::ParseError& error) {
        throw Error(Fault::usage, fmt::format("{}: {}", command.name, printable(error.what())), see_help(command));
    }
    for (const std::string& word : app.remaining())
        if (word != "--") throw unexpected(command, word);
}

Invocation parse_command(const commands::Command& command, const std::vector<std::string>& words) {
    CLI::App app;
    app.set_help_flag();
    app.allow_extras();
    app.allow_windows_style_options(false);
    Slots slots;
    add_options(app, command.options, slots);
    add_options(app, common_options, slots);
    CLI::Option* operand =
        command.operand.empty() ? nullptr : app.add_option(std::string(command.operand), slots.operand);
    read(app, command, words);

    Invocation out;
    out.command = &command;
    for (const auto& slot : slots.slots) {
        if (slot.parsed->count() == 0) continue;
        check_choice(*slot.option, slot.value);
        out.arguments.values[last_name(*slot.option)] = slot.value;
    }
    if (out.arguments.has("--help")) return {.answer = help_text(command)};
    if (operand != nullptr && operand->count() == 0 && !command.operand_is_optional)
        throw Error(Fault::usage, fmt::format("{} wants {}", command.name, command.operand),
                    fmt::format("{}: {}", command.operand, command.operand_help));
    out.arguments.operand = slots.operand;
    out.progress = form_from(out.arguments.text("--progress"));
    out.quiet = out.arguments.has("--quiet");
    return out;
}

}  // namespace

Invocation parse(const std::vector<std::string>& words) {
    const std::string first = words.empty() ? std::string() : words.front();
    if (first == "--help" || first == "-h" || (first == "help" && words.size() == 1)) return {.answer = help_text()};
    if (first == "--version") return {.answer = version_text()};
    std::vector<std::string> names;
    for (const commands::Command& command : commands::all()) {
        if (command.name == first) return parse_command(command, {words.begin() + 1, words.end()});
        if (first == "help" && words.size() == 2 && command.name == words[1]) return {.answer = help_text(command)};
        names.emplace_back(command.name);
    }
    if (words.empty()) throw Error(Fault::usage, "no command was given", "`wasmx-image --help` lists them");
    const std::string& wanted = first == "help" ? words[1] : first;
    const auto near = nearest(wanted, names);
    throw Error(Fault::usage, fmt::format("there is no command \"{}\"", printable(wanted)),
                near ? fmt::format("did you mean `wasmx-image {}`?", *near) : "`wasmx-image --help` lists them");
}

}  // namespace wasmx::cli
