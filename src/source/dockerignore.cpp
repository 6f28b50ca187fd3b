// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "source/pattern.hpp"
#include "source/source.hpp"

namespace wasmx::source {

namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

bool matches_path_or_folder_above(std::string_view pattern, std::string_view path) {
    for (auto end = path.find('/');; end = path.find('/', end + 1)) {
        if (pattern_matches(pattern, path.substr(0, end))) return true;
        if (end == std::string_view::npos) return false;
    }
}

}  // namespace

DockerIgnore::DockerIgnore(std::string_view text) {
    if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
    std::size_t number = 0;
    for (const std::string_view line : split(text, '\n')) {
        ++number;
        if (line.starts_with('#')) continue;  // only there: " #x" is a pattern
        std::string_view pattern = trim(line);
        if (pattern.empty()) continue;
        Rule rule;
        rule.keep = pattern.starts_with('!');
        if (rule.keep) pattern = trim(pattern.substr(1));
        if (pattern.empty() || !is_pattern(pattern))
            throw Error(Fault::config,
                        fmt::format(".dockerignore, line {}: \"{}\" is no pattern", number, printable(trim(line))));
        rule.pattern = clean_path(pattern);
        if (rule.pattern.size() > 1 && rule.pattern.starts_with('/')) rule.pattern.erase(0, 1);
        rules_.push_back(std::move(rule));
    }
}

bool DockerIgnore::excludes(std::string_view path) const {
    bool excluded = false;
    for (const Rule& rule : rules_)
        // Only a rule that would change something needs a look.
        if (excluded == rule.keep && matches_path_or_folder_above(rule.pattern, path)) excluded = !rule.keep;
    return excluded;
}

bool DockerIgnore::excludes_from_context(std::string_view path) const {
    // The engine needs them. A Dockerfile of another name is the one of some build as well, and does no harm in the
    // others.
    const bool is_needed = path == ".dockerignore" || (path.find('/') == std::string_view::npos &&
                                                       path.find("Dockerfile") != std::string_view::npos);
    return !is_needed && excludes(path);
}

bool DockerIgnore::has_exceptions() const noexcept {
    return std::any_of(rules_.begin(), rules_.end(), [](const Rule& rule) { return rule.keep; });
}

}  // namespace wasmx::source
