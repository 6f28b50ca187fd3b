// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "extract/path.hpp"

namespace wasmx::extract {

/// What a pass over the layers is after. Every link on the way changes it for another goal and another pass.
struct Goal {
    static constexpr auto all_members = std::numeric_limits<std::uint64_t>::max();

    Path path;  ///< without ".."
    /// When not empty it starts with "..": `path` has to be a directory, and these steps are to be made from there.
    Path rest;
    /// The image as it was when a hard link was made: layers above this one do not count, nor do the members of this
    /// one from that number on.
    std::size_t newest_layer = 0;
    std::uint64_t members = all_members;
    /// Where the hard link stands that led here; its name is one more name of whatever `path` is.
    std::optional<Path> folder_of_link;

    bool wants_directory() const noexcept { return !rest.empty(); }
};

/// The goal behind the symbolic link that the first `depth` names of the path lead to. (path_resolution(7))
Goal after_symlink(const Goal& goal, std::size_t depth, std::string_view target, std::size_t top_layer);

/// The goal behind a hard link, which is member number `member` of `layer`. Throws Fault::integrity when its target
/// climbs above the root.
Goal after_hardlink(const Goal& goal, std::string_view target, std::size_t layer, std::uint64_t member);

/// The path has proved to be a directory: the steps that had to wait for that.
Goal after_directory(const Goal& goal);

}  // namespace wasmx::extract
