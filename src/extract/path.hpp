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

/// What stands before a name that is deleted, and the file that deletes all that lower layers have in its folder. (OCI
/// image-spec, layer.md, "Whiteouts")
inline constexpr std::string_view whiteout_prefix = ".wh.";
inline constexpr std::string_view opaque_whiteout = ".wh..wh..opq";

/// The name of a tar member as engines read it: from the root whether it starts with "/", "./" or neither, with ".."
/// taken as text. nullopt when it climbs above the root, which engines refuse. The views are into `stored`.
std::optional<std::vector<std::string_view>> find_member_names(std::string_view stored);

/// The same of a layer's member, where Fault::integrity is any name that no engine can write: one that climbs above the
/// root, or that is longer than Linux takes.
std::vector<std::string_view> names_of_member(std::string_view stored);

/// Whether the target of a link is one that Linux follows. (path_resolution(7): ENOENT, ENAMETOOLONG)
bool is_target(std::string_view text) noexcept;

}  // namespace wasmx::extract
