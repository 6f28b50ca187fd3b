// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "git/cache.hpp"
#include "git/git.hpp"
#include "git/program.hpp"

namespace wasmx::git {

namespace fs = std::filesystem;

namespace {

// A commit counts as fetched by its ref, not by its object: git sets a ref when it has found that nothing is missing
// behind it, and does not collect what one names.
constexpr std::string_view refs = "refs/wasmx/";

std::string ref_of(std::string_view name) { return fmt::format("{}{}", refs, name); }

// False when the server, or git for it, will not fetch so: "unadvertised object" (an old server asked for an id that is
// no tip), "not our ref" (a new one that does not have it), "does not support shallow" (old ones, and dumb http). Every
// server has words of its own, so it is each failure that has no other cause.
bool fetch_shallow(const Remote& remote, const fs::path& git_dir, const std::string& refspec,
                   const std::stop_token& stop) {
    const auto result =
        run_with_remote(remote, {"--git-dir=" + git_dir.string()},
                        {"fetch", "--quiet", "--depth=1", "--no-prune", "--no-tags", "--no-recurse-submodules",
                         "--no-write-fetch-head", "--end-of-options", remote.url, refspec},
                        stop);
    if (result.exit_code == 0) return true;
    const Error error = failure("fetching " + public_url(remote.url), result);
    if (error.fault() != Fault::failed) throw error;
    return false;
}

void set_ref(const fs::path& git_dir, const std::string& ref, const std::string& id, const std::stop_token& stop) {
    const auto result = run({"--git-dir=" + git_dir.string(), "update-ref", ref, id}, stop);
    if (result.exit_code != 0) throw failure(fmt::format("git update-ref in {}", git_dir.string()), result);
}

}  // namespace

std::optional<Commit> Repository::find_kept_commit(const std::string& id) const { return find_commit(ref_of(id)); }

std::optional<Commit> Repository::fetch_commit(const std::string& url, const RemoteCommit& wanted,
                                               const fs::path& folder, const std::stop_token& stop, const Log& log) {
    const Remote remote = remote_of(url);
    // A fetch takes as long as it takes; only a question has a limit, and for a name one has been asked already.
    if (wanted.ref.empty()) find_remote_commit(url, "HEAD", stop);
    std::optional<Commit> commit;
    fill_cache(folder, stop, log, [&](const fs::path& git_dir, bool) {
        const Repository repository(git_dir, {}, stop);
        // The process that we have waited for may have fetched the same.
        if ((commit = repository.find_kept_commit(wanted.id))) return true;
        tell(log, fmt::format("fetching {} of {}", wanted.ref.empty() ? wanted.id : wanted.ref, public_url(url)));
        if (wanted.ref.empty()) {
            const std::string ref = ref_of(wanted.id);
            if (fetch_shallow(remote, git_dir, fmt::format("+{}:{}", wanted.id, ref), stop))
                commit = repository.find_commit(ref);
        } else {
            // By its name, since not every server gives out an id; then what has arrived is what it is named by.
            const std::string ref = ref_of("arriving");
            if (fetch_shallow(remote, git_dir, fmt::format("+{}:{}", wanted.ref, ref), stop))
                commit = repository.find_commit(ref);
            if (commit) set_ref(git_dir, ref_of(commit->id), commit->id, stop);
        }
        return commit.has_value();
    });
    return commit;
}

}  // namespace wasmx::git
