// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>

#include "git/git.hpp"
#include "source/listing.hpp"
#include "source/source.hpp"

namespace wasmx::source {

/// What all trees are told when they are made.
struct Facts {
    std::string description;
    std::optional<std::string> revision;
    std::string url;
    std::int64_t date = 0;
};

/// A commit's files, with the bytes that git stores. Warns of submodules, which stay empty, and of what
/// `tell_differences` finds.
std::unique_ptr<Tree> commit_tree(git::Repository repository, const git::Commit& commit, Facts facts,
                                  Progress& progress);

/// Tells, with their names, of the files of a commit that a clone, or `git archive`, has otherwise: Git LFS, filters
/// and other attributes; and of links that lead out of the tree.
void tell_differences(const git::Repository& repository, const Listing& listing, Progress& progress);

/// A work tree's files as they stand.
std::unique_ptr<Tree> work_tree(const git::Repository& repository, Facts facts, Progress& progress,
                                const std::stop_token& stop);

/// All files of a folder, less what its .dockerignore excludes; the date is $SOURCE_DATE_EPOCH or that of the newest.
std::unique_ptr<Tree> plain_folder(const std::filesystem::path& folder, Facts facts, Progress& progress,
                                   const std::stop_token& stop);

/// A commit of which only the name is known.
std::unique_ptr<Tree> absent_tree(Facts facts);

}  // namespace wasmx::source
