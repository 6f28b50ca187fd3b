// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "base/text.hpp"
#include "recipe/recipe.hpp"
#include "recipe/version_rule.hpp"

namespace wasmx::recipe {

namespace {

struct Assignment {
    std::string_view value;
    bool only_if_unset = false;  // ?=
};

// `line` as an assignment to `variable`; nullopt when it is anything else. (GNU make manual, "Setting Variables")
std::optional<Assignment> find_assignment(std::string_view line, std::string_view variable) {
    if (line.starts_with('\t')) return std::nullopt;  // a line of a recipe
    line = trim(line.substr(0, line.find('#')));
    for (const std::string_view word : {"export", "override"})
        if (line.starts_with(word) && line.size() > word.size() &&
            (line[word.size()] == ' ' || line[word.size()] == '\t'))
            line = trim(line.substr(word.size()));
    if (!line.starts_with(variable)) return std::nullopt;
    line = trim(line.substr(variable.size()));
    for (const std::string_view sign : {"?=", ":::=", "::=", ":=", "="})
        if (line.starts_with(sign)) return Assignment{trim(line.substr(sign.size())), sign == "?="};
    return std::nullopt;
}

}  // namespace

std::optional<Version> find_version_in_makefile(std::string_view makefile, Runtime runtime, const std::string& name) {
    std::optional<Version> found;
    std::size_t number = 0;
    for (const std::string_view line : split(makefile, '\n')) {
        ++number;
        const auto assignment = find_assignment(line, facts_of(runtime).makefile_variable);
        if (!assignment || assignment->value.empty() || (found && assignment->only_if_unset)) continue;
        found = Version{std::string(assignment->value), fmt::format("{}, line {}", name, number)};
    }
    // Only the one that counts in the end has to be a version, and not, say, a $(shell …).
    if (found) check_version_at(found->text, found->origin);
    return found;
}

}  // namespace wasmx::recipe
