// SPDX-License-Identifier: Apache-2.0
#include "io/tree_writer.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/text.hpp"

namespace wasmx::io {

namespace fs = std::filesystem;

namespace {

std::vector<std::string_view> checked_names(const std::string& path) {
    auto names = split(path, '/');
    for (const std::string_view name : names)
        if (name.empty() || name == "." || name == "..")
            throw Error(Fault::integrity, fmt::format("no path to write to: \"{}\"", printable(path)));
    return names;
}

std::string text(std::string_view name) { return std::string(name); }

void set_time(int folder, const std::string& name, std::int64_t mtime) {
    const timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, {.tv_sec = mtime, .tv_nsec = 0}};
    (void)::utimensat(folder, name.c_str(), times, AT_SYMLINK_NOFOLLOW);  // a time that does not fit is no loss
}

fs::path new_folder_in(const fs::path& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) throw system_error("creating " + folder.string(), error.value());
    std::string name = (folder / ".wasmx-image.XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw system_error("creating a folder in " + folder.string(), errno);
    return name;
}

}  // namespace

TreeWriter::TreeWriter(const fs::path& folder)
    : folder_(folder),
      staging_(new_folder_in(folder)),
      root_(::open(staging_.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) {
    if (!root_) throw system_error("opening " + staging_.string(), errno);
}

TreeWriter::~TreeWriter() {
    std::error_code ignored;
    fs::remove_all(staging_, ignored);
}

Fd TreeWriter::folder_above(const std::vector<std::string_view>& names) const {
    Fd folder(::openat(root_.get(), ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    for (std::size_t i = 0; i + 1 < names.size(); ++i) {
        const std::string name = text(names[i]);
        if (::mkdirat(folder.get(), name.c_str(), 0755) != 0 && errno != EEXIST)
            throw system_error("creating the folder " + printable(name), errno);
        Fd next(::openat(folder.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!next)
            throw Error(Fault::integrity,
                        fmt::format("something is to be written below {}, which is no folder", printable(name)));
        folder = std::move(next);
    }
    return folder;
}

void TreeWriter::add_folder(const std::string& path, std::uint32_t mode, std::int64_t mtime) {
    const auto names = checked_names(path);
    const Fd above = folder_above(names);
    const std::string name = text(names.back());
    struct stat status {};
    if (::mkdirat(above.get(), name.c_str(), 0755) != 0 &&
        (errno != EEXIST || ::fstatat(above.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
         !S_ISDIR(status.st_mode)))
        throw Error(Fault::integrity, fmt::format("{} is a folder and a file", printable(path)));
    folders_[path] = {(mode & 0777U) | 0700U, mtime};
}

void TreeWriter::add_file(const std::string& path, Source& content, std::uint32_t mode, std::int64_t mtime) {
    const auto names = checked_names(path);
    const Fd above = folder_above(names);
    const std::string name = text(names.back());
    const Fd file(::openat(above.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file && errno == EEXIST)
        throw Error(Fault::integrity, fmt::format("{} is there more than once", printable(path)));
    if (!file) throw system_error("creating " + printable(path), errno);
    std::vector<std::byte> buffer(4 * chunk_size);
    while (const std::size_t count = content.read(buffer)) write_all(file.get(), std::span(buffer).first(count), path);
    if (::fchmod(file.get(), static_cast<mode_t>((mode & 0777U) | 0400U)) != 0 || ::fsync(file.get()) != 0)
        throw system_error("writing " + printable(path), errno);
    set_time(above.get(), name, mtime);
}

void TreeWriter::add_symlink(const std::string& path, const std::string& target) {
    const auto names = checked_names(path);
    (void)folder_above(names);
    symlinks_.emplace_back(path, target);
}

void TreeWriter::add_hardlink(const std::string& path, const std::string& existing) {
    const auto names = checked_names(path);
    const auto target = checked_names(existing);
    const Fd above = folder_above(names);
    const Fd from = folder_above(target);
    if (::linkat(from.get(), text(target.back()).c_str(), above.get(), text(names.back()).c_str(), 0) != 0)
        throw Error(Fault::integrity, fmt::format("{} is a link to {}, which is no file before it", printable(path),
                                                  printable(existing)));
}

void TreeWriter::finish() {
    for (const auto& [path, target] : symlinks_) {
        const auto names = checked_names(path);
        const Fd above = folder_above(names);
        if (::symlinkat(target.c_str(), above.get(), text(names.back()).c_str()) != 0)
            throw Error(Fault::integrity,
                        fmt::format("{} cannot be made a link to {}", printable(path), printable(target)));
    }
    // From the bottom up: what is written into a folder changes its time.
    for (auto folder = folders_.rbegin(); folder != folders_.rend(); ++folder) {
        const auto names = checked_names(folder->first);
        const Fd above = folder_above(names);
        const std::string name = text(names.back());
        (void)::fchmodat(above.get(), name.c_str(), static_cast<mode_t>(folder->second.first), 0);
        set_time(above.get(), name, folder->second.second);
    }
    std::vector<fs::path> tops;
    for (const auto& entry : fs::directory_iterator(staging_)) tops.push_back(entry.path().filename());
    for (const fs::path& top : tops) {
        const auto there = fs::symlink_status(folder_ / top).type();
        const auto ours = fs::symlink_status(staging_ / top).type();
        const bool is_free = there == fs::file_type::not_found;
        if (!is_free && (there == fs::file_type::directory || ours == fs::file_type::directory))
            throw Error(Fault::usage, fmt::format("{} is there already", (folder_ / top).lexically_normal().string()),
                        "remove it, or name another folder with --output");
    }
    for (const fs::path& top : tops) {
        std::error_code error;
        fs::rename(staging_ / top, folder_ / top, error);
        if (error) throw system_error("moving " + (folder_ / top).string() + " to its place", error.value());
    }
}

}  // namespace wasmx::io
