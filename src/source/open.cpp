// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "io/file.hpp"
#include "source/listing.hpp"
#include "source/pattern.hpp"
#include "source/trees.hpp"

namespace wasmx::source {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view default_branch = "main";

/// What one call of `open` goes by.
struct Job {
    const Wanted& wanted;
    Progress& progress;
    const std::stop_token& stop;
};

[[noreturn]] void throw_no_ref(const std::string& ref, const std::string& where,
                               const std::vector<std::string>& names) {
    const auto near = nearest(ref, names);
    std::string hint = "say which branch, tag or commit you want with --ref";
    if (near) hint = fmt::format("did you mean {}? {}", *near, hint);
    throw Error(Fault::not_found, fmt::format("no branch, tag or commit \"{}\" in {}", printable(ref), where), hint);
}

git::Commit commit_or_throw(const git::Repository& repository, const std::string& ref, const std::string& where) {
    if (auto commit = repository.find_commit(ref)) return *std::move(commit);
    if (ref == "HEAD")
        throw Error(Fault::not_found, fmt::format("{} has no commit yet", where),
                    "commit something first, or give --ref");
    throw_no_ref(ref, where, repository.ref_names());
}

// Of this machine's folders nothing is published: their names tell who works where.
std::string url_for_label(const std::optional<std::string>& url) {
    return url && git::is_public_url(*url) ? git::public_url(*url) : std::string();
}

std::unique_ptr<Tree> open_commit(const git::Repository& repository, const git::Commit& commit, std::string description,
                                  std::string url, Progress& progress) {
    return commit_tree(
        repository, commit,
        {.description = std::move(description), .revision = commit.id, .url = std::move(url), .date = commit.time},
        progress);
}

std::string counted_files(std::size_t count) { return fmt::format("{} {}", count, count == 1 ? "file" : "files"); }

// Neither `git status` nor we would see these.
void tell_unwatched(const Job& job, const git::Repository& repository) {
    const auto unwatched = repository.unwatched_paths();
    if (!unwatched.changed.empty())
        job.progress.warn(
            fmt::format("changes of {} do not count: git is told not to look at them "
                        "(`git ls-files -v`), and the source is the commit",
                        listed(unwatched.changed)));
    if (!unwatched.absent.empty())
        job.progress.note(fmt::format("{} not checked out here (sparse checkout): the source has them all the same",
                                      counted_files(unwatched.absent.size())));
}

std::unique_ptr<Tree> open_work_tree(const Job& job, const git::Repository& repository) {
    const std::string top = repository.work_tree().string();
    const std::string url = url_for_label(repository.origin_url());
    const auto dirty = repository.dirty_paths();
    if (!job.wanted.ref.empty() || dirty.empty()) tell_unwatched(job, repository);
    if (!job.wanted.ref.empty()) {
        const auto commit = commit_or_throw(repository, job.wanted.ref, top);
        if (!dirty.empty())
            job.progress.warn(fmt::format("{} changed in {} will not be in it: the source is the commit",
                                          counted_files(dirty.size()), top));
        return open_commit(repository, commit, fmt::format("{} at {}", top, job.wanted.ref), url, job.progress);
    }
    if (dirty.empty()) return open_commit(repository, commit_or_throw(repository, "HEAD", top), top, url, job.progress);
    if (!job.wanted.allow_dirty)
        throw Error(Fault::config, fmt::format("{} has changes that are in no commit: {}", top, listed(dirty)),
                    "commit or stash them, name the commit with --ref HEAD, or take the files as they stand with "
                    "--allow-dirty");
    job.progress.warn(fmt::format("{} in {} are in no commit: nobody will be able to tell what the image was made from",
                                  counted_files(dirty.size()), top));
    const auto head = repository.find_commit("HEAD");
    return work_tree(repository,
                     {.description = top + " with uncommitted changes",
                      .revision = std::nullopt,
                      .url = url,
                      .date = head ? head->time : 0},
                     job.progress, job.stop);
}

std::unique_ptr<Tree> open_plain_folder(const Job& job, const fs::path& folder) {
    if (!job.wanted.ref.empty())
        throw Error(Fault::usage,
                    fmt::format("{} is not a git repository, so there is no \"{}\" in it", folder.string(),
                                printable(job.wanted.ref)),
                    "leave --ref out, or give a clone");
    job.progress.warn(
        fmt::format("{} is not under git: nobody will be able to tell what the image was made from", folder.string()));
    return plain_folder(folder, {.description = folder.string(), .revision = std::nullopt, .url = {}, .date = 0},
                        job.progress, job.stop);
}

std::unique_ptr<Tree> open_folder(const Job& job) {
    const fs::path folder = fs::canonical(job.wanted.location);
    if (const auto repository = git::Repository::find(folder, job.stop)) {
        const fs::path top = fs::canonical(repository->work_tree());
        if (folder == top) return open_work_tree(job, *repository);
        const fs::path below = folder.lexically_relative(top);
        if (repository->tracks(below.string()))
            throw Error(Fault::usage,
                        fmt::format("{} is only a part of the repository {}", folder.string(), top.string()),
                        fmt::format("give the whole of it: --source {}", shell_quoted(top.string())));
    } else if (const auto bare = git::Repository::find_mirror(folder, job.stop)) {
        const std::string ref = job.wanted.ref.empty() ? "HEAD" : job.wanted.ref;
        return open_commit(*bare, commit_or_throw(*bare, ref, folder.string()),
                           fmt::format("{} at {}", folder.string(), ref), url_for_label(bare->origin_url()),
                           job.progress);
    }
    return open_plain_folder(job, folder);
}

// <name>-<hash>.git: the name for people, the hash because many repositories have the same. A password in the URL makes
// no other repository of it.
fs::path cache_of(const std::string& url, std::string_view suffix) {
    const std::string shown = git::public_url(url);
    std::string name = clean_path(shown);
    name.erase(0, name.find_last_of('/') + 1);
    if (name.ends_with(".git")) name.erase(name.size() - 4);
    std::replace_if(
        name.begin(), name.end(),
        [](char c) {
            return std::string_view("-_.").find(c) == std::string_view::npos &&
                   std::isalnum(static_cast<unsigned char>(c)) == 0;
        },
        '-');
    return io::cache_folder() / "git" / fmt::format("{}-{}{}", name, io::sha256(shown).hex().substr(0, 12), suffix);
}

/// All branches and tags with their history: what an abbreviated id, or a server that gives out nothing less, asks for.
fs::path mirror_of(const std::string& url) { return cache_of(url, ".git"); }

/// Single commits: all that is asked for as a rule, and soon fetched.
fs::path commits_of(const std::string& url) { return cache_of(url, ".shallow.git"); }

// Also in upper case, and then a whole one: git knows it, while a remote is asked in lower case.
bool may_be_abbreviated(const std::string& ref) {
    return ref.size() >= 4 && ref.size() <= 40 && ref.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
}

/// A commit, and what in the cache has its files.
struct Cached {
    git::Repository repository;
    git::Commit commit;
};

std::optional<Cached> find_in_mirror(const Job& job, const std::string& id) {
    auto mirror = git::Repository::find_mirror(mirror_of(job.wanted.location), job.stop);
    if (!mirror) return std::nullopt;
    auto commit = mirror->find_commit(id);
    // A branch can look like an id, and this one is from the last fetch.
    if (!commit || !commit->id.starts_with(lower(id)) || !mirror->has_files_of(*commit)) return std::nullopt;
    return Cached{*std::move(mirror), *std::move(commit)};
}

std::optional<Cached> find_cached(const Job& job, const std::string& id) {
    if (auto commits = git::Repository::find_mirror(commits_of(job.wanted.location), job.stop))
        if (auto commit = commits->find_kept_commit(id)) return Cached{*std::move(commits), *std::move(commit)};
    return find_in_mirror(job, id);
}

// The one commit where that can be had, else everything.
Cached fetched(const Job& job, const std::string& ref, const std::optional<git::RemoteCommit>& remote) {
    const std::string& url = job.wanted.location;
    const auto task = job.progress.task("source", 0);
    const auto log = [&task](std::string_view line) { task->log(std::string(line) + "\n", Progress::Stream::err); };
    if (remote) {
        const fs::path folder = commits_of(url);
        if (auto commit = git::Repository::fetch_commit(url, *remote, folder, job.stop, log)) {
            if (auto commits = git::Repository::find_mirror(folder, job.stop)) {
                task->done("fetched");
                return {*std::move(commits), *std::move(commit)};
            }
        }
        log("the server does not give out this commit alone");
    }
    auto mirror = git::Repository::mirror(url, mirror_of(url), job.stop, log);
    // A mirror has the remote's branches, but not its opinion on which of them is the main one.
    auto commit = mirror.find_commit(remote && ref == "HEAD" ? remote->id : ref);
    if (!commit) throw_no_ref(ref, git::public_url(url), mirror.ref_names());
    task->done("cloned");
    return {std::move(mirror), *std::move(commit)};
}

std::unique_ptr<Tree> open_url(const Job& job) {
    const std::string& url = job.wanted.location;
    const std::string ref = job.wanted.ref.empty() ? std::string(default_branch) : job.wanted.ref;
    const std::string shown = git::public_url(url);
    const std::string description = fmt::format("{} at {}", shown, ref);
    const auto remote = git::find_remote_commit(url, ref, job.stop);
    if (!remote && !may_be_abbreviated(ref)) throw_no_ref(ref, shown, git::remote_ref_names(url, job.stop));
    auto cached = remote ? find_cached(job, remote->id) : find_in_mirror(job, ref);
    if (!cached && !job.wanted.may_fetch)
        return absent_tree({.description = description,
                            .revision = remote ? std::optional(remote->id) : std::nullopt,
                            .url = url_for_label(url),
                            .date = 0});
    if (!cached) cached = fetched(job, ref, remote);
    return open_commit(cached->repository, cached->commit, description, url_for_label(url), job.progress);
}

}  // namespace

std::unique_ptr<Tree> open(const Wanted& wanted, Progress& progress, const std::stop_token& stop) {
    const Job job{wanted, progress, stop};
    std::error_code ignored;
    if (fs::is_directory(wanted.location, ignored)) return open_folder(job);
    if (git::is_url(wanted.location)) return open_url(job);
    const std::string shown = git::public_url(wanted.location);
    const std::string what = fs::exists(wanted.location, ignored) ? "is no folder" : "does not exist";
    throw Error(
        Fault::usage, fmt::format("the source \"{}\" {}, and is no git URL", shown, what),
        "give a clone of ngx_wasm_module, or a URL that begins with https://, ssh://, git://, file:// or git@host:");
}

}  // namespace wasmx::source
