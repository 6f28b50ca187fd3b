// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace wasmx::source {

/// Whether a pattern of a .dockerignore matches a path, from end to end: `*` and `?` stop at "/", `**` does not, `**/`
/// also stands for nothing, `[a-z]` and `[^a-z]` are one character, `\` takes away a meaning. Time is pattern × path,
/// whatever the pattern. (moby patternmatcher, which turns a pattern into a regular expression; Go path/filepath.Match
/// for the rest)
bool pattern_matches(std::string_view pattern, std::string_view path);

/// Whether it is well formed: no `[` without its `]`, no empty class, nothing missing after `-` or `\`.
bool is_pattern(std::string_view pattern);

/// A path without "//", "." and "..", as far as that can be said without looking. (Go path.Clean)
std::string clean_path(std::string_view path);

}  // namespace wasmx::source
