// SPDX-License-Identifier: Apache-2.0
#include "git/cache.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/file.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "git/git.hpp"
#include "git/program.hpp"
#include "io/file.hpp"

namespace wasmx::git {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view part_suffix = ".part-";

fs::path beside(const fs::path& folder, std::string_view suffix) {
    return folder.parent_path() / (folder.filename().string() + std::string(suffix));
}

Error no_place(std::string_view doing, int error_number) {
    return {
        Fault::io, system_error(doing, error_number).message(),
        "clones are kept in $XDG_CACHE_HOME, or ~/.cache: name a folder that can be written to with XDG_CACHE_HOME, "
        "or give a clone of yours as the source"};
}

/// One process at a time changes a repository. The file stays: a lock on a file that can be removed protects nothing.
/// The kernel lets go of it however the process ends. Readers need none, since git adds objects and never takes one
/// away.
class Lock {
public:
    Lock(const fs::path& folder, const std::stop_token& stop, const Log& log) {
        const fs::path path = beside(folder, ".lock");
        file_ = io::Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
        if (!file_) throw no_place("opening " + path.string(), errno);
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

// What runs that were killed have left; with the lock held nobody is at it any more, unless a git that has outlived its
// parent, which is why each run has a folder of its own.
void remove_parts(const fs::path& folder) {
    const std::string prefix = folder.filename().string() + std::string(part_suffix);
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder.parent_path()))
        if (entry.path().filename().string().starts_with(prefix)) fs::remove_all(entry.path(), ignored);
}

// Inside a repository a git that was killed leaves the files that it locks with, at the sight of which every later one
// gives up, and half a pack. (No ref's name ends in ".lock": git-check-ref-format.) Should it have outlived its parent,
// it fails at its end: the objects and refs that are there stay as they are.
void remove_leftovers(const fs::path& git_dir) {
    std::vector<fs::path> leftovers;
    for (auto entry = fs::recursive_directory_iterator(git_dir); entry != fs::recursive_directory_iterator(); ++entry) {
        const fs::path& path = entry->path();
        if (entry.depth() == 0 && path.filename() == "objects") {
            entry.disable_recursion_pending();
        } else if (path.extension() == ".lock") {
            leftovers.push_back(path);
        }
    }
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator(git_dir / "objects" / "pack", ignored))
        if (entry.path().filename().string().starts_with("tmp_")) leftovers.push_back(entry.path());
    for (const fs::path& path : leftovers) fs::remove(path, ignored);
}

// Everything happens in a folder beside the place, which gets its name when it is whole.
void create(const fs::path& folder, const std::stop_token& stop, const Fill& fill) {
    std::string part = beside(folder, part_suffix).string() + "XXXXXX";
    if (::mkdtemp(part.data()) == nullptr) throw no_place("creating " + part, errno);
    std::error_code ignored;
    try {
        const auto made = run({"init", "--quiet", "--bare", "--template=", "--", part}, stop);
        if (made.exit_code != 0) throw failure("creating " + part, made);
        if (fill(part, true)) {
            fs::rename(part, folder);
        } else {
            fs::remove_all(part, ignored);
        }
    } catch (...) {
        fs::remove_all(part, ignored);
        throw;
    }
}

}  // namespace

void tell(const Log& log, std::string_view line) {
    if (log) log(line);
}

void fill_cache(const fs::path& folder, const std::stop_token& stop, const Log& log, const Fill& fill) {
    try {
        fs::create_directories(folder.parent_path());
        const Lock lock(folder, stop, log);
        if (Repository::find_mirror(folder, stop)) {
            remove_leftovers(folder);
            fill(folder, false);
        } else {
            // Nothing of ours, or something that git no longer knows as a repository: a cache is made anew.
            fs::remove_all(folder);
            remove_parts(folder);
            create(folder, stop, fill);
        }
    } catch (const fs::filesystem_error& error) {
        throw no_place(fmt::format("keeping a clone in {}", folder.string()), error.code().value());
    }
}

}  // namespace wasmx::git
