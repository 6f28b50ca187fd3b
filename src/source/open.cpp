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

// A repository that was cloned from nowhere has only its folder to name.
std::string url_for_label(const std::optional<std::string>& origin, const fs::path& folder) {
    return origin && !origin->empty() ? *origin : "file://" + folder.string();
}

std::unique_ptr<Tree> open_commit(const git::Repository& repository, const git::Commit& commit, std::string description,
                                  std::string url, Progress& progress) {
    return commit_tree(
        repository, commit,
        {.description = std::move(description), .revision = commit.id, .url = std::move(url), .date = commit.time},
        progress);
}

std::string counted_files(std::size_t count) { return fmt::format("{} {}", count, count == 1 ? "file" : "files"); }

std::unique_ptr<Tree> open_work_tree(const Job& job, const git::Repository& repository) {
    const std::string top = repository.work_tree().string();
    const std::string url = url_for_label(repository.origin_url(), top);
    const auto dirty = repository.dirty_paths();
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
    return plain_folder(
        folder, {.description = folder.string(), .revision = std::nullopt, .url = url_for_label({}, folder), .date = 0},
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
                           fmt::format("{} at {}", folder.string(), ref), url_for_label(bare->origin_url(), folder),
                           job.progress);
    }
    return open_plain_folder(job, folder);
}

// <name>-<hash>.git: the name for people, the hash because many repositories have the same. A password in the URL makes
// no other repository of it.
fs::path cache_of(const std::string& url) {
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
    return io::cache_folder() / "git" / fmt::format("{}-{}.git", name, io::sha256(shown).hex().substr(0, 12));
}

bool may_be_abbreviated(const std::string& ref) {
    return ref.size() >= 4 && ref.size() < 40 && ref.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// Asks the remote, which costs nothing, and takes files only if they are here already.
std::unique_ptr<Tree> open_url_without_fetching(const Job& job, const std::string& ref,
                                                const std::string& description) {
    const std::string& url = job.wanted.location;
    const std::string shown = git::public_url(url);
    const auto mirror = git::Repository::find_mirror(cache_of(url), job.stop);
    auto id = git::find_remote_commit(url, ref, job.stop);
    if (!id && may_be_abbreviated(ref) && mirror)
        if (const auto commit = mirror->find_commit(ref)) id = commit->id;
    if (!id && !may_be_abbreviated(ref)) throw_no_ref(ref, shown, git::remote_ref_names(url, job.stop));
    if (id && mirror)
        if (const auto commit = mirror->find_commit(*id))
            return open_commit(*mirror, *commit, description, shown, job.progress);
    return absent_tree({.description = description, .revision = std::move(id), .url = shown, .date = 0});
}

git::Repository fetched(const Job& job, const fs::path& cache, const std::string& ref) {
    auto cached = git::Repository::find_mirror(cache, job.stop);
    // A whole commit id means the same for ever: with the commit here there is nothing to ask.
    if (cached && git::is_commit_id(ref) && cached->find_commit(ref)) return *std::move(cached);
    const auto task = job.progress.task("source", 0);
    auto repository = git::Repository::mirror(job.wanted.location, cache, job.stop, [&](std::string_view line) {
        task->log(std::string(line) + "\n", Progress::Stream::err);
    });
    task->done(cached ? "up to date" : "cloned");
    return repository;
}

std::unique_ptr<Tree> open_url(const Job& job) {
    const std::string& url = job.wanted.location;
    std::string ref = job.wanted.ref.empty() ? std::string(default_branch) : job.wanted.ref;
    const std::string shown = git::public_url(url);
    const std::string description = fmt::format("{} at {}", shown, ref);
    if (!job.wanted.may_fetch) return open_url_without_fetching(job, ref, description);
    // A mirror has the remote's branches, but not its opinion on which of them is the main one.
    if (ref == "HEAD") ref = git::find_remote_commit(url, ref, job.stop).value_or(ref);
    const auto repository = fetched(job, cache_of(url), ref);
    const auto commit = repository.find_commit(ref);
    if (!commit) throw_no_ref(ref, shown, repository.ref_names());
    return open_commit(repository, *commit, description, shown, job.progress);
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
