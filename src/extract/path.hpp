// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace wasmx::extract {

/// A path in an image, from its root: the names on the way, none of them empty or ".".
using Path = std::vector<std::string>;

/// "/wasmx/dist/x.tar.gz", fit for a terminal.
std::string text_of(std::span<const std::string> path);

/// What a user asks for: "/wasmx/dist/x.tar.gz", with or without the leading slash. Throws Fault::usage for the root
/// and for a path with "..".
Path parse_path(std::string_view text);

/// The names in a link's target, ".." among them.
Path steps_of(std::string_view target);

/// The name of a tar member as engines read it: from the root whether it starts with "/", "./" or neither, with ".."
/// taken as text. nullopt when it climbs above the root, which engines refuse. The views are into `stored`.
std::optional<std::vector<std::string_view>> find_member_names(std::string_view stored);

}  // namespace wasmx::extract
