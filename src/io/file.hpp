// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <utility>

#include "base/error.hpp"
#include "io/stream.hpp"

namespace wasmx::io {

/// Owns a file descriptor.
class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) {
            reset();
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }
    ~Fd() { reset(); }
    int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    void reset() noexcept;

private:
    int fd_ = -1;
};

SourcePtr open_file(const std::filesystem::path& path);
/// A small file as text; throws Fault::not_found when it does not exist, Fault::integrity when it is over the limit.
std::string read_file(const std::filesystem::path& path, std::uint64_t limit = 16 << 20);
std::optional<std::string> find_file(const std::filesystem::path& path, std::uint64_t limit = 16 << 20);

/// The bytes of a file, opened now: they stay readable when the file is removed. nullopt when there is none.
std::optional<Body> find_file_body(const std::filesystem::path& path);

/// A scratch file without a name: nothing is left of it whatever ends the process. Lives in `scratch_folder`.
class TempFile {
public:
    TempFile();
    explicit TempFile(const std::filesystem::path& folder);
    /// An empty file that has no name any more.
    explicit TempFile(Fd file);
    void write(std::span<const std::byte> bytes);
    std::uint64_t size() const noexcept { return size_; }
    /// The bytes written so far, from the start; bodies share the file and outlive this object.
    Body body() const;
    /// `size` of them from `from` on.
    Body part(std::uint64_t from, std::uint64_t size) const;
    /// Gives it a name in the folder it was made in, whole at once; a file of that name that is there already stays.
    /// Not synced: who finds it later has to hold it against its digest.
    void keep(const std::filesystem::path& path);

private:
    std::shared_ptr<Fd> fd_;
    std::uint64_t size_ = 0;
};

/// A file that appears under its name whole or not at all: unnamed until `finish`, which syncs and renames.
class AtomicFile final : public Sink {
public:
    explicit AtomicFile(std::filesystem::path path);
    ~AtomicFile() override;
    void write(std::span<const std::byte> bytes) override;
    /// What was written so far is on the disk.
    void sync();
    void finish() override;

private:
    std::filesystem::path path_;
    std::filesystem::path temporary_;  // empty while the file has no name
    Fd fd_;
};

/// Writes to a descriptor that is not ours to close, such as standard output.
class FdSink final : public Sink {
public:
    explicit FdSink(int fd) : fd_(fd) {}
    void write(std::span<const std::byte> bytes) override;
    void finish() override {}

private:
    int fd_;
};

/// All of it, through short writes and EINTR; `what` names the target in an error.
void write_all(int fd, std::span<const std::byte> bytes, std::string_view what);

/// $TMPDIR; else /var/tmp, since layers are large and /tmp is often memory; else, where nothing can be written there
/// (small images, read-only root file systems), /tmp.
std::filesystem::path scratch_folder();
/// An error of a temporary file, with TMPDIR as the next step.
Error scratch_error(const Error& error);

/// $XDG_CACHE_HOME/wasmx-image or ~/.cache/wasmx-image; created on demand by whoever writes there.
std::filesystem::path cache_folder();
/// The same of $XDG_STATE_HOME and ~/.local/state.
std::filesystem::path state_folder();
/// $HOME; else what the user database says, as Docker's programs do. (moby, pkg/homedir)
std::optional<std::filesystem::path> find_home_folder();
/// The same, where none is Fault::config.
std::filesystem::path home_folder();

}  // namespace wasmx::io
