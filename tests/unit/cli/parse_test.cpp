// SPDX-License-Identifier: Apache-2.0
#include "cli/parse.hpp"

#include <doctest/doctest.h>

#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/help.hpp"

using namespace wasmx;
using namespace wasmx::cli;
using Words = std::vector<std::string>;

namespace {

Error refusal_of(const Words& words) {
    try {
        parse(words);
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::usage);
        return error;
    }
    FAIL("it was taken");
    return {Fault::bug, ""};
}

std::string joined(const Words& words) {
    std::string out;
    for (const std::string& word : words) out += (out.empty() ? "" : " ") + shell_quoted(word);
    return out;
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_SUITE_BEGIN("cli");

TEST_CASE("options of every form") {
    struct Row {
        Words words;
        const char* option;
        std::optional<std::string> value;
    };
    const Row rows[] = {
        {{"extract", "i", "--output", "d"}, "--output", "d"},
        {{"extract", "i", "--output=d"}, "--output", "d"},
        {{"extract", "i", "-o", "d"}, "--output", "d"},
        {{"extract", "i", "-od"}, "--output", "d"},
        {{"extract", "-o", "d", "i"}, "--output", "d"},
        {{"extract", "i", "-o", "a", "--output=b", "-o", "c"}, "--output", "c"},
        {{"extract", "i", "--output", "a=b"}, "--output", "a=b"},
        {{"extract", "i", "--output=a=b"}, "--output", "a=b"},
        {{"extract", "i", "--output", "[a,b]"}, "--output", "[a,b]"},
        {{"extract", "i", "--output", "a,b c"}, "--output", "a,b c"},
        {{"extract", "i", "--output", "-"}, "--output", "-"},
        {{"extract", "i", "--output=-x"}, "--output", "-x"},
        {{"extract", "i", "--output=--stdout"}, "--output", "--stdout"},
        {{"extract", "i", "--output", "true"}, "--output", "true"},
        {{"extract", "i", "--output", ""}, "--output", ""},
        {{"extract", "i", "--output="}, "--output", ""},
        {{"extract", "i"}, "--output", std::nullopt},
        {{"extract", "i", "--stdout"}, "--stdout", ""},
        {{"extract", "--stdout", "i"}, "--stdout", ""},
        {{"extract", "-o", "d", "--", "i"}, "--output", "d"},
        {{"build", "-t", "x:1"}, "--tag", "x:1"},
        {{"build", "--push", "--push"}, "--push", ""},
        {{"build", "--via", "export"}, "--via", "export"},
    };
    for (const Row& row : rows) {
        CAPTURE(joined(row.words));
        const Invocation invocation = parse(row.words);
        REQUIRE(invocation.command != nullptr);
        CHECK(invocation.command->name == row.words[0]);
        CHECK(invocation.arguments.has(row.option) == row.value.has_value());
        CHECK(invocation.arguments.text(row.option) == row.value.value_or(""));
        CHECK(invocation.arguments.operand == (row.words[0] == "extract" ? "i" : ""));
    }
}

TEST_CASE("an empty value behind = does not take the next word") {
    const Invocation invocation = parse({"build", "--tag=", "--push"});
    CHECK(invocation.arguments.text("--tag").empty());
    CHECK(invocation.arguments.has("--push"));
}

TEST_CASE("behind -- there are only operands") {
    CHECK(parse({"extract", "--", "--stdout"}).arguments.operand == "--stdout");
    CHECK_FALSE(parse({"extract", "--", "--stdout"}).arguments.has("--stdout"));
    CHECK(contains(refusal_of({"extract", "--", "a", "b"}).message(), "\"b\" is too much"));
}

TEST_CASE("common options") {
    CHECK(parse({"build"}).progress == ProgressForm::automatic);
    CHECK(parse({"build", "--progress", "auto"}).progress == ProgressForm::automatic);
    CHECK(parse({"build", "--progress=tty"}).progress == ProgressForm::tty);
    CHECK(parse({"build", "--progress=plain"}).progress == ProgressForm::plain);
    CHECK(parse({"build", "--progress=json", "-q"}).progress == ProgressForm::json);
    CHECK(parse({"build", "-q"}).quiet);
    CHECK_FALSE(parse({"build"}).quiet);
}

TEST_CASE("usage errors name what is meant") {
    struct Row {
        Words words;
        const char* message;
        const char* hint;
    };
    const Row rows[] = {
        {{}, "no command", "--help"},
        {{"buld"}, "there is no command \"buld\"", "wasmx-image build"},
        {{"help", "pusch"}, "there is no command \"pusch\"", "wasmx-image push"},
        {{"something"}, "there is no command \"something\"", "--help"},
        {{"x\x1b[31m"}, "there is no command \"x\"", "--help"},
        {{"build", "--sauce", "x"}, "build has no option --sauce", "did you mean --source?"},
        {{"build", "--pussh"}, "build has no option --pussh", "did you mean --push?"},
        {{"build", "--runtime-versio=1"}, "build has no option --runtime-versio", "did you mean --runtime-version?"},
        {{"build", "--nothing-like-it"}, "build has no option --nothing-like-it", "build --help"},
        {{"push", "i", "--push"}, "push has no option --push", "push --help"},
        {{"build", "x"}, "build takes no operand; \"x\" is too much", "build --help"},
        {{"extract", "a", "b"}, "extract takes one IMAGE; \"b\" is too much", "extract --help"},
        {{"extract"}, "extract wants IMAGE", "ghcr.io"},
        {{"push", "--host", "unix:///x"}, "push wants IMAGE", "ghcr.io"},
        {{"build", "--via", "exprt"}, "--via knows no \"exprt\"", "did you mean export?"},
        {{"build", "--via", "carrier-pigeon"}, "--via knows no \"carrier-pigeon\"", "export"},
        {{"build", "--via", ""}, "--via knows no \"\"", "export"},
        {{"build", "--progress", "jsn"}, "--progress knows no \"jsn\"", "did you mean json?"},
        {{"build", "--tag"}, "--tag wants REFERENCE", "whole name"},
        // A flag that is given a value must not count as given.
        {{"build", "--push=false"}, "--push takes no value", "build --help"},
        {{"build", "--push="}, "--push takes no value", "build --help"},
        {{"build", "-q=0"}, "-q takes no value", "build --help"},
    };
    for (const Row& row : rows) {
        CAPTURE(joined(row.words));
        const Error error = refusal_of(row.words);
        CHECK(contains(error.message(), row.message));
        CHECK(contains(error.hint(), row.hint));
        CHECK_FALSE(contains(error.message(), "\x1b"));
    }
}

TEST_CASE("help and version are asked for in many ways") {
    for (const Words& words : {Words{"--help"}, Words{"-h"}, Words{"help"}}) CHECK(parse(words).answer == help_text());
    CHECK(parse({"--version"}).answer == version_text());
    for (const commands::Command& command : commands::all()) {
        const std::string name(command.name);
        for (const Words& words : {Words{name, "--help"}, Words{name, "-h"}, Words{"help", name},
                                   Words{name, "--progress", "plain", "-h"}}) {
            const Invocation invocation = parse(words);
            CHECK(invocation.command == nullptr);
            CHECK(invocation.answer == help_text(command));
        }
    }
}

TEST_CASE("the help names every command and every option, and fits its width") {
    const std::string all = help_text();
    for (const commands::Command& command : commands::all()) {
        CAPTURE(command.name);
        CHECK(contains(all, "  " + std::string(command.name) + " "));
        CHECK(contains(all, command.summary));
        const std::string text = help_text(command);
        Words names;
        for (const auto options : {command.options, std::span<const commands::Option>(common_options)}) {
            for (const commands::Option& option : options) {
                for (const std::string_view name : split(option.names, ',')) {
                    CAPTURE(name);
                    CHECK(contains(text, " " + std::string(name)));
                    CHECK(std::find(names.begin(), names.end(), name) == names.end());  // no name is taken twice
                    names.emplace_back(name);
                }
                if (!option.choices.empty()) CHECK(contains(text, option.choices));
                CHECK_FALSE(option.help.empty());
            }
        }
        CHECK(contains(text, "Usage: wasmx-image " + std::string(command.name) + " [OPTIONS]"));
        const std::string_view options = std::string_view(text).substr(0, text.find("Common options"));
        for (const std::string_view line : split(options, '\n')) CHECK(line.size() <= 100);
    }
}

TEST_SUITE_END();
