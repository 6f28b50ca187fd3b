// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "io/file.hpp"
#include "io/stream.hpp"

namespace wasmx::extract {

/// The layers of an image, base first, wherever they are kept. A layer is opened again when a link leads back to it;
/// its stream throws at the end if the bytes are not the layer's.
struct Layers {
    std::size_t count = 0;
    std::function<io::SourcePtr(std::size_t)> open;
};

struct Found {
    io::TempFile content;
    std::size_t layer = 0;                   ///< counted from 0 at the base
    std::optional<std::string> sha256_file;  ///< beside `path` as it was asked for
};

/// Finds the regular file at `path`; every layer that had a say has been read to its end. Errors as extract_file has
/// them.
Found search(const Layers& layers, const std::string& path);

}  // namespace wasmx::extract
