// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "git/cache.hpp"
#include "git/git.hpp"
#include "git/program.hpp"

namespace wasmx::git {

namespace fs = std::filesystem;

namespace {

// Branches and tags only: a hosting service has thousands of refs besides (one per pull request), with objects of their
// own.
void fetch(const Remote& remote, const fs::path& git_dir, const std::stop_token& stop) {
    const auto result =
        run_with_remote(remote, {"--git-dir=" + git_dir.string()},
                        {"fetch", "--quiet", "--prune", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head",
                         "--end-of-options", remote.url, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"},
                        stop);
    if (result.exit_code != 0) throw failure("fetching " + public_url(remote.url), result);
}

}  // namespace

Repository Repository::mirror(const std::string& url, const fs::path& folder, std::stop_token stop, const Log& log) {
    const Remote remote = remote_of(url);
    fill_cache(folder, stop, log, [&](const fs::path& git_dir, bool is_new) {
        tell(log, fmt::format("{} {}", is_new ? "cloning" : "fetching", public_url(url)));
        fetch(remote, git_dir, stop);
        return true;
    });
    if (auto repository = find_mirror(folder, std::move(stop))) return *std::move(repository);
    throw Error(Fault::io, fmt::format("{} is no repository after the fetch", folder.string()));
}

std::optional<Repository> Repository::find_mirror(const fs::path& folder, std::stop_token stop) {
    std::error_code ignored;
    if (!fs::is_directory(folder, ignored)) return std::nullopt;
    // An explicit --git-dir is looked at as it is: git does not go on searching above.
    const auto result = run({"--git-dir=" + folder.string(), "rev-parse", "--absolute-git-dir"}, stop);
    if (result.exit_code != 0) return std::nullopt;
    return Repository(fs::canonical(folder), {}, std::move(stop));
}

}  // namespace wasmx::git
