// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "io/stream.hpp"

namespace wasmx::store {

/// The contents of a layer's files, asked for in the order in which the layer's tar has them.
class FileContents {
public:
    FileContents() = default;
    FileContents(const FileContents&) = delete;
    FileContents& operator=(const FileContents&) = delete;
    virtual ~FileContents() = default;
    /// The file of that name, as the tar names it. Read to its end before the next one is opened.
    virtual io::SourcePtr open(const std::string& name) = 0;
};

/// The tar that a recipe of tar-split describes: lines of JSON, each either bytes of the tar as they are (headers,
/// padding), or the name and size of a file whose content comes next. Made while it is read. A recipe that is none, or
/// a file of another size, is Fault::integrity; whether the tar is the layer is for its diff ID to say.
/// (vbatts/tar-split, tar/storage/entry.go)
io::SourcePtr assembled(io::SourcePtr recipe, std::unique_ptr<FileContents> files);

}  // namespace wasmx::store
