// SPDX-License-Identifier: Apache-2.0
#include "io/tree_writer.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>

#include "base/error.hpp"
#include "base/text.hpp"

namespace wasmx::io {

namespace fs = std::filesystem;

namespace {

std::vector<std::string_view> checked_names(const std::string& path) {
    auto names = split(path, '/');
    const bool is_path = path.size() < PATH_MAX && std::none_of(names.begin(), names.end(), [](std::string_view name) {
                             return name.empty() || name == "." || name == ".." || name.size() > NAME_MAX;
                         });
    if (!is_path)
        throw Error(Fault::integrity, fmt::format("no path to write to: \"{}\"", printable(clipped(path, 256))));
    if (names.size() > TreeWriter::most_folders_deep)
        throw Error(Fault::integrity, fmt::format("\"{}\" is more than {} folders deep", printable(clipped(path, 256)),
                                                  TreeWriter::most_folders_deep));
    return names;
}

std::string text(std::string_view name) { return std::string(name); }

void set_time(int folder, const std::string& name, std::int64_t mtime) {
    const timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, {.tv_sec = mtime, .tv_nsec = 0}};
    (void)::utimensat(folder, name.c_str(), times, AT_SYMLINK_NOFOLLOW);  // a time that does not fit is no loss
}

fs::path new_folder_in(const fs::path& folder) {
    create_folders(folder);
    std::string name = (folder / ".wasmx-image.XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw system_error("creating a folder in " + folder.string(), errno);
    return name;
}

// By what it does: umask(2) cannot ask without changing it, which other threads would notice.
std::uint32_t umask_in(const Fd& folder) {
    struct stat status {};
    if (::mkdirat(folder.get(), "umask", 0777) != 0 || ::fstatat(folder.get(), "umask", &status, 0) != 0 ||
        ::unlinkat(folder.get(), "umask", AT_REMOVEDIR) != 0)
        throw system_error("creating a folder", errno);
    return ~status.st_mode & 0777U;
}

std::string folder_of(const std::vector<std::string_view>& names) {
    std::string out;
    for (std::size_t i = 0; i + 1 < names.size(); ++i) out.append(names[i]).append("/");
    return out;
}

[[noreturn]] void refuse_to_replace(const fs::path& path) {
    throw Error(Fault::usage, fmt::format("{} is there already", path.lexically_normal().string()),
                "name another folder with --output, or remove it");
}

void move_to(const fs::path& from, const fs::path& to) {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return;
    if (errno == EEXIST) refuse_to_replace(to);
    // Not every file system knows the flag (renameat2(2)); that nothing is there was seen before.
    if ((errno != EINVAL && errno != ENOSYS) || ::rename(from.c_str(), to.c_str()) != 0)
        throw system_error("moving " + to.string() + " to its place", errno);
}

}  // namespace

void create_folders(const fs::path& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) throw system_error("creating " + folder.string(), error.value());
}

void check_is_free(const fs::path& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0) refuse_to_replace(path);
    if (errno != ENOENT) throw system_error("looking for " + path.string(), errno);
}

bool leads_out(std::string_view path, std::string_view target) {
    if (target.starts_with('/')) return true;
    auto depth = std::count(path.begin(), path.end(), '/');
    bool after_name = false;
    for (const std::string_view step : split(target, '/')) {
        if (step.empty() || step == ".") continue;
        if (step != "..")
            after_name = true;
        else if (after_name || --depth < 0)
            return true;
    }
    return false;
}

TreeWriter::TreeWriter(const fs::path& folder)
    : folder_(folder),
      staging_(new_folder_in(folder)),
      root_(::open(staging_.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) {
    if (!root_) throw system_error("opening " + staging_.string(), errno);
    umask_ = umask_in(root_);
}

TreeWriter::~TreeWriter() {
    std::error_code ignored;
    fs::remove_all(staging_, ignored);
}

const Fd& TreeWriter::folder_above(const std::vector<std::string_view>& names) {
    std::string path = folder_of(names);
    if (last_ && path == last_folder_) return last_;
    Fd folder(::openat(root_.get(), ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    for (std::size_t i = 0; i + 1 < names.size(); ++i) {
        const std::string name = text(names[i]);
        if (::mkdirat(folder.get(), name.c_str(), 0777) != 0 && errno != EEXIST)
            throw system_error("creating the folder " + printable(name), errno);
        Fd next(::openat(folder.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!next)
            throw Error(Fault::integrity,
                        fmt::format("something is to be written below {}, which is no folder", printable(name)));
        folder = std::move(next);
    }
    last_folder_ = std::move(path);
    last_ = std::move(folder);
    return last_;
}

void TreeWriter::add_folder(const std::string& path, std::uint32_t mode, std::int64_t mtime) {
    const auto names = checked_names(path);
    const Fd& above = folder_above(names);
    const std::string name = text(names.back());
    struct stat status {};
    if (::mkdirat(above.get(), name.c_str(), 0700) != 0 &&
        (errno != EEXIST || ::fstatat(above.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
         !S_ISDIR(status.st_mode)))
        throw Error(Fault::integrity, fmt::format("{} is a folder and a file", printable(path)));
    folders_[path] = {(mode & 0777U & ~umask_) | 0700U, mtime};
}

void TreeWriter::add_file(const std::string& path, Source& content, std::uint32_t mode, std::int64_t mtime) {
    const auto names = checked_names(path);
    const Fd& above = folder_above(names);
    const std::string name = text(names.back());
    const Fd file(::openat(above.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file && errno == EEXIST)
        throw Error(Fault::integrity, fmt::format("{} is there more than once", printable(path)));
    if (!file) throw system_error("creating " + printable(path), errno);
    std::vector<std::byte> buffer(4 * chunk_size);
    while (const std::size_t count = content.read(buffer)) write_all(file.get(), std::span(buffer).first(count), path);
    if (::fchmod(file.get(), static_cast<mode_t>((mode & 0777U & ~umask_) | 0400U)) != 0 || ::fsync(file.get()) != 0)
        throw system_error("writing " + printable(path), errno);
    set_time(above.get(), name, mtime);
}

void TreeWriter::add_symlink(const std::string& path, const std::string& target) {
    const auto names = checked_names(path);
    if (leads_out(path, target))
        throw Error(Fault::integrity, fmt::format("{} is a link that leads out of the folder, to {}", printable(path),
                                                  printable(target)));
    (void)folder_above(names);
    symlinks_.emplace_back(path, target);
}

void TreeWriter::add_hardlink(const std::string& path, const std::string& existing) {
    const auto names = checked_names(path);
    const auto target = checked_names(existing);
    const Fd from(::fcntl(folder_above(target).get(), F_DUPFD_CLOEXEC, 0));
    const Fd& above = folder_above(names);
    if (::linkat(from.get(), text(target.back()).c_str(), above.get(), text(names.back()).c_str(), 0) != 0)
        throw Error(Fault::integrity, fmt::format("{} is a link to {}, which is no file before it", printable(path),
                                                  printable(existing)));
}

void TreeWriter::finish() {
    for (const auto& [path, target] : symlinks_) {
        const auto names = checked_names(path);
        const Fd& above = folder_above(names);
        if (::symlinkat(target.c_str(), above.get(), text(names.back()).c_str()) != 0)
            throw Error(Fault::integrity,
                        fmt::format("{} cannot be made a link to {}", printable(path), printable(target)));
    }
    // From the bottom up: what is written into a folder changes its time.
    for (auto folder = folders_.rbegin(); folder != folders_.rend(); ++folder) {
        const auto names = checked_names(folder->first);
        const Fd& above = folder_above(names);
        const std::string name = text(names.back());
        if (::fchmodat(above.get(), name.c_str(), static_cast<mode_t>(folder->second.first), 0) != 0)
            throw system_error("setting the mode of " + printable(folder->first), errno);
        set_time(above.get(), name, folder->second.second);
    }
    std::error_code error;
    std::vector<fs::path> tops;
    for (fs::directory_iterator at(staging_, error), end; !error && at != end; at.increment(error))
        tops.push_back(at->path().filename());
    if (error) throw system_error("reading " + staging_.string(), error.value());
    for (const fs::path& top : tops) check_is_free(folder_ / top);
    for (const fs::path& top : tops) move_to(staging_ / top, folder_ / top);
}

}  // namespace wasmx::io
