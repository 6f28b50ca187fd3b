// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "io/stream.hpp"

namespace wasmx::io {

/// A member of a tar archive.
struct TarEntry {
    /// A whiteout is how overlayfs stores a deleted file: a character device 0/0, or an empty file that says so in an
    /// extended attribute. (Linux, Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories")
    enum class Type { file, directory, symlink, hardlink, whiteout, other };
    std::string path;  ///< as stored; no normalisation
    Type type = Type::file;
    std::string target;  ///< of a link
    std::uint64_t size = 0;
    std::uint32_t mode = 0;  ///< permission bits
    std::uint64_t uid = 0;
    std::uint64_t gid = 0;
    std::int64_t mtime = 0;  ///< seconds since the epoch
    bool is_opaque = false;  ///< a directory that overlayfs does not merge with those below it
};

/// Walks a tar archive of any common dialect, which is not compressed, in one pass and in bounded memory.
/// Does not own the stream: what follows the archive's end can still be read from it.
class TarReader {
public:
    explicit TarReader(Source& source);
    ~TarReader();
    TarReader(const TarReader&) = delete;
    TarReader& operator=(const TarReader&) = delete;

    /// The next member, skipping what was not read of the last. Throws Fault::integrity for a damaged archive.
    std::optional<TarEntry> next();
    /// The bytes of the member that `next` returned; 0 at its end.
    std::size_t read(std::span<std::byte> buffer);
    /// The same as a stream, valid until `next` is called.
    SourcePtr member();

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// A member to write. `content` is asked for a file's bytes when its turn comes, and must yield exactly `entry.size`.
struct TarMember {
    TarEntry entry;
    std::function<SourcePtr()> content;
};

/// A tar archive (GNU dialect, so names are plain bytes of any length) of the members that `next` returns until it
/// returns nothing; made while it is read, never held.
SourcePtr tar_of(std::function<std::optional<TarMember>()> next);

}  // namespace wasmx::io
