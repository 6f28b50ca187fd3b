// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/file.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "base/text.hpp"
#include "git/git.hpp"
#include "git/program.hpp"
#include "io/file.hpp"

namespace wasmx::git {

namespace fs = std::filesystem;

namespace {

using Log = std::function<void(std::string_view)>;

constexpr std::string_view part_suffix = ".part-";

void tell(const Log& log, std::string_view line) {
    if (log) log(line);
}

fs::path beside(const fs::path& folder, std::string_view suffix) {
    return folder.parent_path() / (folder.filename().string() + std::string(suffix));
}

/// One process at a time changes a mirror. The file stays: a lock on a file that can be removed protects nothing. The
/// kernel lets go of it however the process ends. Readers need none, since git adds objects and never takes one away.
class Lock {
public:
    Lock(const fs::path& folder, const std::stop_token& stop, const Log& log) {
        const fs::path path = beside(folder, ".lock");
        file_ = io::Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
        if (!file_) throw system_error("opening " + path.string(), errno);
        bool told = false;
        while (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0) {
            if (errno != EWOULDBLOCK && errno != EINTR) throw system_error("locking " + path.string(), errno);
            if (stop.stop_requested()) throw_interrupted();
            if (!std::exchange(told, true)) tell(log, "waiting for another process that fetches into the same cache");
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
        }
    }

private:
    io::Fd file_;
};

// Branches and tags only: a hosting service has thousands of refs besides (one per pull request), with objects of their
// own.
void fetch(const std::string& url, const fs::path& git_dir, const std::stop_token& stop) {
    const auto result = run(
        {"--git-dir=" + git_dir.string(), "fetch", "--quiet", "--prune", "--no-tags", "--no-recurse-submodules",
         "--no-write-fetch-head", "--end-of-options", url, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"},
        stop);
    if (result.exit_code != 0) throw failure("fetching " + public_url(url), result);
}

// What runs that were killed have left; with the lock held nobody is at it any more, unless a git that has outlived its
// parent, which is why each run has a folder of its own.
void remove_parts(const fs::path& folder) {
    const std::string prefix = folder.filename().string() + std::string(part_suffix);
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder.parent_path()))
        if (entry.path().filename().string().starts_with(prefix)) fs::remove_all(entry.path(), ignored);
}

// Everything happens in a folder beside the place, which gets its name when it is whole.
void clone(const std::string& url, const fs::path& folder, const std::stop_token& stop) {
    std::string part = beside(folder, part_suffix).string() + "XXXXXX";
    if (::mkdtemp(part.data()) == nullptr) throw system_error("creating " + part, errno);
    try {
        const auto made = run({"init", "--quiet", "--bare", "--template=", "--", part}, stop);
        if (made.exit_code != 0) throw failure("creating " + part, made);
        fetch(url, part, stop);
        fs::rename(part, folder);
    } catch (...) {
        std::error_code ignored;
        fs::remove_all(part, ignored);
        throw;
    }
}

}  // namespace

Repository Repository::mirror(const std::string& url, const fs::path& folder, std::stop_token stop, const Log& log) {
    check_url(url);
    try {
        fs::create_directories(folder.parent_path());
        const Lock lock(folder, stop, log);
        if (find_mirror(folder, stop)) {
            tell(log, fmt::format("fetching {}", public_url(url)));
            fetch(url, folder, stop);
        } else {
            // Nothing of ours, or something that git no longer knows as a repository: a cache is made anew.
            fs::remove_all(folder);
            remove_parts(folder);
            tell(log, fmt::format("cloning {}", public_url(url)));
            clone(url, folder, stop);
        }
    } catch (const fs::filesystem_error& error) {
        throw system_error(fmt::format("keeping a clone in {}", folder.string()), error.code().value());
    }
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
