// SPDX-License-Identifier: Apache-2.0
#pragma once
// git: the git program. It knows repositories, commits and trees, and nothing of what is in them.
//
// No wait for a network is without an end: a question to a remote has a time limit, a transfer that stands still is
// given up (https, and ssh unless the user has chosen one of their own), and nothing is asked on the terminal.
//
// What a repository of somebody else's says is not run: no hook, no fsmonitor, no transport but https, ssh, git and
// file; and one that git calls of "dubious ownership" is taken only when it was named itself, without its filters and
// without any transport. Words that begin with "-" are never handed to git as a ref or URL, nor is a password as a part
// of its command line, which every user of the machine can read.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "io/stream.hpp"

namespace wasmx::git {

/// A tracked path of a commit, as `git ls-tree -r -z` lists it.
struct TreeEntry {
    enum class Kind { file, executable, symlink, submodule };
    Kind kind = Kind::file;
    std::string object;
    std::uint64_t size = 0;
    std::string path;
};

struct Commit {
    std::string id;         ///< 40 hex digits
    std::int64_t time = 0;  ///< committer date, seconds since the epoch
};

/// A commit that a remote has, and how to fetch it.
struct RemoteCommit {
    std::string id;   ///< 40 hex digits
    std::string ref;  ///< "refs/heads/main", "HEAD": what had that id when it was asked; empty: known by its id alone
};

/// A repository on this machine, with or without a work tree.
class Repository {
public:
    /// The repository whose work tree holds `folder`; nullopt when there is none. Throws when git is not installed, and
    /// when there is one that git cannot or will not read.
    static std::optional<Repository> find(const std::filesystem::path& folder, std::stop_token stop);
    /// A bare mirror of `url` (branches and tags) in `folder`: cloned when it is not there, fetched otherwise. A clone
    /// that was interrupted leaves nothing that a later run takes for whole; two processes at once do not disturb each
    /// other. Throws Fault::not_found, denied or unavailable with git's own last words. `log` gets lines for people.
    static Repository mirror(const std::string& url, const std::filesystem::path& folder, std::stop_token stop,
                             const std::function<void(std::string_view)>& log);
    /// One commit of `url`, without its history, into the bare repository in `folder`, which keeps every one that was
    /// fetched so; nothing is transferred for one that it has. A name may have moved on since it was asked for: the
    /// commit is the one that has arrived. nullopt when the server does not give out single commits, or does not have
    /// this one (which a mirror tells). Else what holds for `mirror`.
    static std::optional<Commit> fetch_commit(const std::string& url, const RemoteCommit& wanted,
                                              const std::filesystem::path& folder, const std::stop_token& stop,
                                              const std::function<void(std::string_view)>& log);
    /// The bare repository at `folder` (of `mirror` or `fetch_commit`) as it is, without network; nullopt when there is
    /// none.
    static std::optional<Repository> find_mirror(const std::filesystem::path& folder, std::stop_token stop);

    /// Branch (also of the remote "origin"), tag or (abbreviated) commit, or HEAD; nullopt when the repository does not
    /// know it. The names of a moment ("HEAD~2") are none of these.
    std::optional<Commit> find_commit(const std::string& ref) const;
    /// What `fetch_commit` has brought; nullopt also for one of which only a part has arrived.
    std::optional<Commit> find_kept_commit(const std::string& id) const;
    /// Whether all files of a commit are there, which in a mirror the commit alone does not tell: a fetch may have been
    /// killed.
    bool has_files_of(const Commit& commit) const;
    std::vector<TreeEntry> tree(const Commit& commit) const;
    /// The id of the tree at `path` in the commit; nullopt when there is none.
    std::optional<std::string> find_tree_id(const Commit& commit, const std::string& path) const;
    std::optional<std::string> find_file(const Commit& commit, const std::string& path) const;
    /// Branches and tags, for a suggestion when somebody mistyped one.
    std::vector<std::string> ref_names() const;
    /// Changed, staged and untracked (not ignored) paths of the work tree, as `git status` names them.
    std::vector<std::string> dirty_paths() const;
    /// Tracked paths that git has been told not to look at (`update-index --skip-worktree`, `--assume-unchanged`, a
    /// sparse checkout), of which `dirty_paths` says nothing: those whose files are not what is staged, and those that
    /// are not there.
    struct Unwatched {
        std::vector<std::string> changed;
        std::vector<std::string> absent;
    };
    Unwatched unwatched_paths() const;
    /// Tracked and untracked (not ignored) paths of the work tree, sorted; some may be gone or be a folder (a
    /// submodule, a repository within).
    std::vector<std::string> work_tree_paths() const;
    /// Whether a path of the work tree, or one below it, is tracked.
    bool tracks(const std::string& path) const;
    /// Top of the work tree; empty for a bare repository.
    const std::filesystem::path& work_tree() const noexcept { return work_tree_; }
    /// URL of the remote "origin", user information dropped; nullopt when there is none.
    std::optional<std::string> origin_url() const;

    /// Contents of objects, one after the other, from one `git cat-file --batch`.
    class Objects {
    public:
        explicit Objects(const Repository& repository);
        /// The stream must be read to its end before the next is opened. An object that is missing or of another size
        /// is Fault::integrity.
        io::SourcePtr open(const TreeEntry& entry);

    private:
        struct State;
        std::shared_ptr<State> state_;
    };

private:
    Repository(std::filesystem::path git_dir, std::filesystem::path work_tree, std::stop_token stop);
    static std::optional<Repository> find_foreign(const std::filesystem::path& folder, std::stop_token stop);
    std::vector<std::string> command(std::vector<std::string> arguments) const;
    std::optional<std::string> ask(std::vector<std::string> arguments) const;
    std::string demand(std::vector<std::string> arguments) const;
    std::optional<TreeEntry> find_blob(const Commit& commit, const std::string& path) const;

    std::filesystem::path git_dir_;
    std::filesystem::path work_tree_;
    std::stop_token stop_;
    std::vector<std::string> distrust_;  // options for a repository that is not the user's
};

/// Whether `text` is a URL that git would fetch from, as opposed to a folder: https, ssh, git, file, or user@host:path.
bool is_url(std::string_view text);
/// Whether others can know the place by that URL, less its user information: one of a network, not of this machine.
bool is_public_url(std::string_view text);
/// A URL for people and labels: user information dropped, `git@host:path` spelt as ssh://host/path.
std::string public_url(std::string_view url);
/// Whether `text` is a whole object name: 40 hex digits.
bool is_commit_id(std::string_view text) noexcept;

/// How long a remote may take to say what it has.
constexpr std::chrono::seconds answer_limit{30};
/// What a remote says a ref is (`git ls-remote`: tag, peeled, or branch, also as "origin/main", or HEAD), without
/// fetching; nullopt when it has no such ref. A whole commit id is returned unasked. A remote that gives no answer is
/// Fault::unavailable.
std::optional<RemoteCommit> find_remote_commit(const std::string& url, const std::string& ref,
                                               const std::stop_token& stop, std::chrono::seconds limit = answer_limit);
/// Branches and tags of a remote, for a suggestion.
std::vector<std::string> remote_ref_names(const std::string& url, const std::stop_token& stop);

}  // namespace wasmx::git
