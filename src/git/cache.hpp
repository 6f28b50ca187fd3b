// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <stop_token>
#include <string_view>

namespace wasmx::git {

using Log = std::function<void(std::string_view)>;

/// `log` may be empty.
void tell(const Log& log, std::string_view line);

/// Returns whether the place is filled; false leaves no new repository.
using Fill = std::function<bool(const std::filesystem::path& git_dir, bool is_new)>;

/// Puts something into the bare repository in `folder`, one process at a time. `fill` is told where: in the repository
/// itself, or (`is_new`) in an empty one beside it that gets its name once it is filled. Whatever breaks off on the
/// way, a repository that has its name is whole, and the next run clears away the rest.
void fill_cache(const std::filesystem::path& folder, const std::stop_token& stop, const Log& log, const Fill& fill);

}  // namespace wasmx::git
