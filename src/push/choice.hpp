// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace wasmx::push {

/// What there is to be moved, as the engine stores it: uncompressed.
struct Volume {
    std::uint64_t image = 0;
    std::uint64_t missing = 0;  ///< of layers that are neither in the registry nor in the cache; never too little
    std::size_t layers = 0;     ///< so many of them
};

/// The layers' sizes, base first; nothing where it cannot be said which layer is of which step. `history` as the engine
/// gives it: the sizes of the steps, the last one first, which is 0 where a step made no layer, and where it made an
/// empty one.
std::vector<std::uint64_t> layer_sizes(const std::vector<std::uint64_t>& history, std::size_t layers);

/// `history` as above. `is_missing`: by layer, base first.
Volume volume_of(const std::vector<std::uint64_t>& history, const std::vector<bool>& is_missing);

/// Whether the engine's push of the missing layers takes less time than its export of the image.
bool is_relay_quicker(const Volume& volume, unsigned processors);

}  // namespace wasmx::push
