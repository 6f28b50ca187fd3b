// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <future>
#include <map>

#include "base/progress.hpp"
#include "engine/engine.hpp"
#include "image/sealed.hpp"

namespace wasmx::push {

/// What came of folders.
struct FromFolders {
    std::size_t count = 0;     ///< of layers that were sealed
    std::future<void> tidied;  ///< ready when the engine is as it was; it may be none
};

/// Seals the layers of an image that `hooks` do not know, from the top one down, out of the folders in which Docker's
/// overlay2 keeps their files: they are neither written to the engine's disk before nor compressed by it. Ends at the
/// first one whose folder does not make it, as of those that were not built there; what follows is likely to be of the
/// same origin. `sizes` are what is known of the layers, by diff ID, in bytes of files.
///
/// An engine that does not give its folders is no error: it is told, and the layers are left.
FromFolders seal_folders(engine::Engine& engine, const engine::ImageInfo& image,
                         const std::map<Digest, std::uint64_t>& sizes, const image::SealHooks& hooks,
                         Progress& progress);

}  // namespace wasmx::push
