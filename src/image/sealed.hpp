// SPDX-License-Identifier: Apache-2.0
#pragma once
// image: what is between an engine's archive and a registry: sealed layers, and the manifest over them. It knows
// neither an engine nor what is in the layers.

#include <string>
#include <vector>

#include "base/progress.hpp"
#include "io/stream.hpp"
#include "oci/manifest.hpp"

namespace wasmx::image {

/// A layer whose compressed form is known: there is no other kind, so no digest is ever guessed.
struct Layer {
    Digest diff_id;  ///< of the uncompressed tar
    oci::Descriptor descriptor;
    io::Body body;
};

/// An image ready to be pushed: the config's bytes as the engine has them, the layers base first.
struct Sealed {
    std::string config;
    std::vector<Layer> layers;
    /// An OCI manifest over them.
    oci::Manifest manifest() const;
};

/// Reads the archive that an engine exports (docker save: the layouts of 20.10, of 25 and later, of containerd's store,
/// of podman), in one pass, into temporary files. Layers that are plain tars are compressed with gzip; compressed ones
/// are taken as they are. Every layer is held against its diff ID or its digest. An archive with more or fewer than one
/// image is Fault::integrity.
Sealed seal_export(io::Source& archive, Progress& progress);

}  // namespace wasmx::image
