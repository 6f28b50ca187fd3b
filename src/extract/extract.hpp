// SPDX-License-Identifier: Apache-2.0
#pragma once
// extract: takes files out of a published image, from the registry alone. It knows no engine, and not what they are
// for.

#include <optional>
#include <string>
#include <vector>

#include "base/progress.hpp"
#include "extract/pass.hpp"
#include "extract/selection.hpp"
#include "extract/tree.hpp"
#include "image/package_note.hpp"
#include "image/published.hpp"
#include "registry/registry.hpp"

namespace wasmx::extract {

/// What it took, in bytes of layers as the registry has them.
struct Fetched {
    std::uint64_t bytes = 0;
    std::size_t layers = 0;        ///< one that a link led back to counts again
    std::uint64_t image_size = 0;  ///< of all layers
};

struct ExtractedFile {
    io::TempFile content;
    TreeEntry entry;
    std::optional<std::string> sha256_file;  ///< text of the `<path>.sha256` beside it, where that was read
    bool was_promised = false;               ///< the manifest's word for its digest was kept; nothing more was read
    Fetched fetched;
};

/// The regular file at `path` ("/wasmx/dist/x.tar.gz"), from the newest layer that has it, having honoured whiteouts,
/// opaque directories, symbolic links anywhere on the way, and hard links. Every layer that had a say is read to its
/// end, and the digests of its blob and of its plain bytes verified, before this returns; when `note` is about the
/// path, a file of that digest is enough. (OCI image-spec, layer.md) Errors, each Fault::not_found unless said: the
/// path is not in the image; it was deleted by a later layer (which); it is a device. A directory is IsDirectory.
/// Fault::usage: the path is none. Fault::integrity: a layer is not what its digest says, or no archive that an engine
/// would unpack, or beyond the limits; the file is not what `note` promises.
ExtractedFile extract_file(registry::Repository& repository, const image::Published& image, const std::string& path,
                           const std::optional<image::PackageNote>& note, const LayerLimits& limits,
                           Progress& progress);

/// A folder, or what matches a pattern: see search_tree. Layers below number `lowest` (from 0 at the base) are not
/// read, unless nothing is found without them.
std::pair<Tree, Fetched> extract_tree(registry::Repository& repository, const image::Published& image,
                                      const Selection& selection, Content content, const LayerLimits& limits,
                                      Progress& progress, std::size_t lowest = 0);

/// The lowest layer whose step in the image's history has a comment that `is_ours`, when all above it have one too; 0
/// where the history does not tell of each layer.
std::size_t lowest_layer_of(const oci::ImageConfig& config, bool (*is_ours)(std::string_view comment));

}  // namespace wasmx::extract
