// SPDX-License-Identifier: Apache-2.0
#include "extract/selection.hpp"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"

namespace wasmx::extract {

namespace {
bool has_wildcard(std::string_view name) { return name.find_first_of("*?[") != std::string_view::npos; }
}  // namespace

bool Selection::is_for_several(std::string_view text) {
    return has_wildcard(text) || text.ends_with('/') || text.ends_with("/.");
}

Selection Selection::parse(std::string_view text) {
    Path names = steps_of(text);
    if (std::find(names.begin(), names.end(), "..") != names.end())
        throw Error(Fault::usage, fmt::format("a path in an image has no \"..\": {}", printable(text)));
    auto end_of_base = std::find_if(names.begin(), names.end(), has_wildcard);
    const bool is_whole_folder = text.ends_with("/.") && end_of_base == names.end();
    if (end_of_base == names.end() && !is_whole_folder && !names.empty()) --end_of_base;
    Selection out;
    out.base.assign(names.begin(), end_of_base);
    out.patterns.assign(end_of_base, names.end());
    return out;
}

bool Selection::takes(std::span<const std::string_view> names) const {
    if (names.size() < patterns.size()) return false;
    for (std::size_t i = 0; i < patterns.size(); ++i)
        if (::fnmatch(patterns[i].c_str(), std::string(names[i]).c_str(), 0) != 0) return false;
    return true;
}

bool Selection::is_literal() const {
    return !patterns.empty() && std::none_of(patterns.begin(), patterns.end(), has_wildcard);
}

}  // namespace wasmx::extract
