// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "extract/layer_search.hpp"
#include "extract/layers.hpp"

namespace wasmx::extract {

struct Found {
    io::TempFile content;
    Digest digest;
    std::uint32_t mode = 0;
    std::int64_t mtime = 0;
    std::size_t layer = 0;                   ///< counted from 0 at the base
    std::optional<std::string> sha256_file;  ///< beside `path` as it was asked for
    bool was_promised = false;
};

/// Where to begin, and what is known beforehand.
struct Clues {
    std::optional<Promise> promise;
    std::optional<std::size_t> layer;  ///< that most likely has the promised file
};

/// Finds the regular file at `path`; every layer that had a say has been read to its end, unless the promised file was
/// met. Errors as extract_file has them; a directory is IsDirectory. A file that is not the promised one is
/// Fault::integrity.
Found search(Layers layers, const std::string& path, const LayerLimits& limits = {}, const Clues& clues = {});

}  // namespace wasmx::extract
