// SPDX-License-Identifier: Apache-2.0
#pragma once
// extract: takes one file out of a published image, from the registry alone. It knows no engine, and not what the file
// is for.

#include <optional>
#include <string>
#include <vector>

#include "base/progress.hpp"
#include "image/published.hpp"
#include "io/stream.hpp"
#include "registry/registry.hpp"

namespace wasmx::extract {

struct Extracted {
    Digest digest;  ///< sha256 of the file
    std::uint64_t size = 0;
    std::uint64_t fetched = 0;               ///< bytes of layers that were downloaded
    std::uint64_t image_size = 0;            ///< bytes of all layers
    std::size_t layer = 0;                   ///< which layer it came from, counted from 1 at the base
    std::optional<std::string> sha256_file;  ///< text of the `<path>.sha256` beside it in the same layer
};

/// Writes the regular file at `path` ("/wasmx/dist/x.tar.gz") to `sink`, from the newest layer that has it, having
/// honoured whiteouts, opaque directories, symbolic links anywhere on the way, and hard links. Every layer that had a
/// say is read to its end and its digest verified before the first byte is written; the caller finishes the sink. (OCI
/// image-spec, layer.md) Errors, each Fault::not_found unless said: the path is not in the image; it was deleted by a
/// later layer (which); it is a directory or a device. Fault::usage: the path is none. Fault::integrity: a layer is not
/// what its digest says, or no archive that an engine would unpack.
Extracted extract_file(registry::Repository& repository, const image::Published& image, const std::string& path,
                       io::Sink& sink, Progress& progress);

}  // namespace wasmx::extract
