// SPDX-License-Identifier: Apache-2.0
#include "io/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <random>

#include "base/error.hpp"
#include "base/text.hpp"

namespace wasmx::io {

namespace fs = std::filesystem;

namespace {

class FileSource final : public Source {
public:
    FileSource(Fd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}
    std::size_t read(std::span<std::byte> buffer) override {
        for (;;) {
            const ssize_t count = ::read(fd_.get(), buffer.data(), buffer.size());
            if (count >= 0) return static_cast<std::size_t>(count);
            if (errno != EINTR) throw system_error("reading " + name_, errno);
        }
    }

private:
    Fd fd_;
    std::string name_;
};

// Reads by position, so that several sources share one descriptor.
class SharedFileSource final : public Source {
public:
    SharedFileSource(std::shared_ptr<Fd> fd, std::uint64_t size, std::uint64_t from = 0)
        : fd_(std::move(fd)), end_(from + size), at_(from) {}
    std::size_t read(std::span<std::byte> buffer) override {
        const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), end_ - at_));
        for (;;) {
            const ssize_t count = ::pread(fd_->get(), buffer.data(), wanted, static_cast<off_t>(at_));
            if (count >= 0) {
                at_ += static_cast<std::uint64_t>(count);
                return static_cast<std::size_t>(count);
            }
            if (errno != EINTR) throw system_error("reading a temporary file", errno);
        }
    }

private:
    std::shared_ptr<Fd> fd_;
    std::uint64_t end_;
    std::uint64_t at_;
};

Fd open_or_throw(const fs::path& path) {
    Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) throw system_error("opening " + path.string(), errno);
    return fd;
}

std::string random_suffix() {
    std::random_device device;
    return fmt::format("{:08x}", device());
}

// A file without a name in `folder`; where the file system cannot (O_TMPFILE), one with a name that is returned.
Fd open_unnamed(const fs::path& folder, const std::string& stem, fs::path& name) {
    Fd fd(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0644));
    if (fd) return fd;
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
        throw system_error("creating a file in " + folder.string(), errno);
    name = folder / fmt::format(".{}.{}", stem, random_suffix());
    fd = Fd(::open(name.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0644));
    if (!fd) throw system_error("creating " + name.string(), errno);
    return fd;
}

}  // namespace

void Fd::reset() noexcept {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

SourcePtr open_file(const fs::path& path) { return std::make_unique<FileSource>(open_or_throw(path), path.string()); }

std::string read_file(const fs::path& path, std::uint64_t limit) {
    return in_context("reading " + path.string(), [&] { return read_all(*open_file(path), limit); });
}

std::optional<std::string> find_file(const fs::path& path, std::uint64_t limit) {
    std::error_code ignored;
    if (!fs::exists(path, ignored) && !ignored) return std::nullopt;
    return read_file(path, limit);
}

fs::path scratch_folder() {
    if (std::string chosen = environment("TMPDIR"); !chosen.empty()) return chosen;
    for (const char* folder : {"/var/tmp", "/tmp"})
        if (::access(folder, W_OK | X_OK) == 0) return folder;
    return "/var/tmp";
}

Error scratch_error(const Error& error) {
    return {Fault::io, error.message(),
            fmt::format("temporary files go to {}: name another folder, on a disk with room, with TMPDIR",
                        scratch_folder().string())};
}

std::optional<Body> find_file_body(const fs::path& path) {
    auto fd = std::make_shared<Fd>(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!*fd && errno == ENOENT) return std::nullopt;
    struct stat status {};
    if (!*fd || ::fstat(fd->get(), &status) != 0) throw system_error("opening " + path.string(), errno);
    const auto size = static_cast<std::uint64_t>(status.st_size);
    return Body{.size = size, .open = [fd, size] { return std::make_unique<SharedFileSource>(fd, size); }};
}

TempFile::TempFile() {
    try {
        *this = TempFile(scratch_folder());
    } catch (const Error& error) {
        throw scratch_error(error);
    }
}

TempFile::TempFile(const fs::path& folder) {
    fs::path name;
    fd_ = std::make_shared<Fd>(open_unnamed(folder, "wasmx-image", name));
    if (!name.empty()) ::unlink(name.c_str());
}

void TempFile::write(std::span<const std::byte> bytes) {
    try {
        write_all(fd_->get(), bytes, "a temporary file");
    } catch (const Error& error) {
        throw scratch_error(error);
    }
    size_ += bytes.size();
}

Body TempFile::body() const {
    return {.size = size_, .open = [fd = fd_, size = size_] { return std::make_unique<SharedFileSource>(fd, size); }};
}

Body TempFile::part(std::uint64_t from, std::uint64_t size) const {
    return {.size = size,
            .open = [fd = fd_, from, size] { return std::make_unique<SharedFileSource>(fd, size, from); }};
}

TempFile::TempFile(Fd file) : fd_(std::make_shared<Fd>(std::move(file))) {}

void TempFile::keep(const fs::path& path) {
    const std::string self = fmt::format("/proc/self/fd/{}", fd_->get());
    if (::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) == 0 || errno == EEXIST) return;
    if (errno != ENOENT) throw system_error("keeping " + path.string(), errno);
    // One that had a name once gets none again: file systems without O_TMPFILE (NFS, some overlays) take a copy.
    AtomicFile copied(path);
    copy(*body().open(), copied);
    copied.finish();
}

AtomicFile::AtomicFile(fs::path path) : path_(std::move(path)) {
    const fs::path folder = path_.parent_path().empty() ? "." : path_.parent_path();
    fd_ = open_unnamed(folder, path_.filename().string(), temporary_);
}

AtomicFile::~AtomicFile() {
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) { write_all(fd_.get(), bytes, path_.string()); }

void AtomicFile::sync() {
    if (::fsync(fd_.get()) != 0) throw system_error("writing " + path_.string(), errno);
}

void AtomicFile::finish() {
    sync();
    if (temporary_.empty()) {
        // A name can be given to the open file only if it is free, so it gets one beside the target first.
        const fs::path beside = path_.parent_path() / fmt::format(".{}.{}", path_.filename().string(), random_suffix());
        const std::string self = fmt::format("/proc/self/fd/{}", fd_.get());
        if (::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, beside.c_str(), AT_SYMLINK_FOLLOW) != 0)
            throw system_error("creating " + beside.string(), errno);
        temporary_ = beside;
    }
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) throw system_error("creating " + path_.string(), errno);
    temporary_.clear();
    const fs::path folder = path_.parent_path().empty() ? "." : path_.parent_path();
    if (const Fd directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)); directory)
        ::fsync(directory.get());
}

void FdSink::write(std::span<const std::byte> bytes) { write_all(fd_, bytes, "standard output"); }

void write_all(int fd, std::span<const std::byte> bytes, std::string_view what) {
    while (!bytes.empty()) {
        const ssize_t count = ::write(fd, bytes.data(), bytes.size());
        if (count >= 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(count));
        } else if (errno != EINTR) {
            throw system_error(fmt::format("writing {}", what), errno);
        }
    }
}

std::optional<fs::path> find_home_folder() {
    if (std::string home = environment("HOME"); !home.empty()) return home;
    std::vector<char> buffer(16 << 10);
    passwd row{};
    passwd* found = nullptr;
    if (::getpwuid_r(::geteuid(), &row, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
        return std::nullopt;
    const fs::path home(row.pw_dir);
    return home.is_absolute() ? std::optional(home) : std::nullopt;
}

fs::path home_folder() {
    if (auto home = find_home_folder()) return *std::move(home);
    throw Error(Fault::config, "HOME is not set, and this user has no home folder", "set HOME to a folder of yours");
}

namespace {

// A relative one counts as none. (XDG Base Directory Specification)
fs::path folder_of_ours(const char* variable, const char* below_home) {
    const fs::path chosen = environment(variable);
    return (chosen.is_absolute() ? chosen : home_folder() / below_home) / "wasmx-image";
}

}  // namespace

fs::path cache_folder() { return folder_of_ours("XDG_CACHE_HOME", ".cache"); }
fs::path state_folder() { return folder_of_ours("XDG_STATE_HOME", ".local/state"); }

}  // namespace wasmx::io
