// SPDX-License-Identifier: Apache-2.0
#include "extract/goal.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/error.hpp"

namespace wasmx::extract {

namespace {

// Takes `steps` from `folder`, which is known to be a directory. ".." after a name that is not known yet has to wait:
// if the name is a symbolic link, ".." is the parent of what it points to. Above the root is the root.
void walk(Goal& goal, Path folder, const Path& steps) {
    std::size_t known = folder.size();
    goal.path = std::move(folder);
    goal.rest.clear();
    for (auto step = steps.begin(); step != steps.end(); ++step) {
        if (*step != "..") {
            goal.path.push_back(*step);
        } else if (goal.path.size() > known) {
            goal.rest.assign(step, steps.end());
            return;
        } else {
            if (!goal.path.empty()) goal.path.pop_back();
            known = goal.path.size();
        }
    }
}

Path first_of(const Path& path, std::size_t count) {
    return {path.begin(), path.begin() + static_cast<std::ptrdiff_t>(count)};
}

}  // namespace

Goal after_symlink(const Goal& goal, std::size_t depth, std::string_view target, std::size_t top_layer) {
    const bool is_last = depth == goal.path.size() && !goal.wants_directory();
    Path folder = first_of(goal.path, depth - 1);
    if (is_last && goal.folder_of_link) folder = *goal.folder_of_link;
    if (target.starts_with('/')) folder.clear();

    Path steps = steps_of(target);
    steps.insert(steps.end(), goal.path.begin() + static_cast<std::ptrdiff_t>(depth), goal.path.end());
    steps.insert(steps.end(), goal.rest.begin(), goal.rest.end());

    // On the way to a hard link's target it is still the old image that counts; a link that is the target itself is
    // followed when it is opened, in the image of today.
    Goal next = is_last ? Goal{.path = {}, .rest = {}, .newest_layer = top_layer, .folder_of_link = {}} : goal;
    walk(next, std::move(folder), steps);
    return next;
}

Goal after_hardlink(const Goal& goal, std::string_view target, std::size_t layer, std::uint64_t member) {
    const auto names = find_member_names(target);
    if (!names)
        throw Error(Fault::integrity, fmt::format("the hard link {} points outside the image", text_of(goal.path)));
    Goal next{.path = {names->begin(), names->end()},
              .rest = {},
              .newest_layer = layer,
              .members = member,
              .folder_of_link = goal.folder_of_link};
    if (!next.folder_of_link) next.folder_of_link = first_of(goal.path, goal.path.size() - 1);
    return next;
}

Goal after_directory(const Goal& goal) {
    Goal next = goal;
    walk(next, goal.path, goal.rest);
    return next;
}

}  // namespace wasmx::extract
