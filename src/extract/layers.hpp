// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "io/file.hpp"
#include "io/tar.hpp"

namespace wasmx::extract {

/// The layers of an image, base first, wherever they are kept. A layer is opened again when a link leads back to it.
struct Layers {
    std::vector<Digest> diff_ids;                    ///< one for each layer, of its plain bytes
    std::function<io::SourcePtr(std::size_t)> open;  ///< compressed or not; throws at the end if the blob is another
    std::uint64_t bytes_left = 128'000'000'000;      ///< plain bytes that may be read of all of them together
    std::size_t lowest = 0;                          ///< those below it are not read, as if they were empty

    std::size_t count() const noexcept { return diff_ids.size(); }
};

/// Is told the members of a layer in the order of the archive.
class LayerObserver {
public:
    LayerObserver() = default;
    LayerObserver(const LayerObserver&) = delete;
    LayerObserver(LayerObserver&&) = default;
    LayerObserver& operator=(const LayerObserver&) = delete;
    LayerObserver& operator=(LayerObserver&&) = default;
    virtual ~LayerObserver() = default;
    virtual void begin_layer() = 0;
    /// `reader` stands at the member.
    virtual void observe(const io::TarEntry& member, io::TarReader& reader) = 0;
    /// Whether nothing that comes in the layer can matter.
    virtual bool is_settled() const noexcept { return false; }
};

/// Reads a layer to its end, where its blob has been verified and its plain bytes are held against its diff ID, or
/// until the observer is settled.
void read_layer(Layers& layers, std::size_t layer, LayerObserver& observer);

/// Appends the bytes of a member to `out` and returns their digest; more than `limit` is Fault::integrity before the
/// first one, and so is another number than its header claims.
Digest spool_member(const io::TarEntry& member, io::TarReader& reader, std::uint64_t limit, io::TempFile& out);

}  // namespace wasmx::extract
