// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "io/stream.hpp"
#include "store/tar_split.hpp"

namespace wasmx::store {

/// The contents of a layer's files, out of one archive of all of them whose order may be another: a file that comes
/// before its turn is held in memory, up to a bound in all, and one beyond that bound is read by itself when its turn
/// comes. So is a hard link, of which an archive has the content once. Where thousands would have to be read by
/// themselves it gives up with Fault::integrity.
struct ArchiveOfFiles {
    io::SourcePtr archive;                                           ///< as engine::FolderReader::open_tree gives it
    std::function<io::SourcePtr(const std::string& path)> open_one;  ///< "a/b"
    std::uint64_t most_held = 32 << 20;                              ///< bytes
    std::size_t most_single = 4096;                                  ///< files
};
std::unique_ptr<FileContents> contents_of(ArchiveOfFiles files);

}  // namespace wasmx::store
