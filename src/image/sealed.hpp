// SPDX-License-Identifier: Apache-2.0
#pragma once
// image: what is between an engine's archive and a registry: sealed layers, and the manifest over them. It knows
// neither an engine nor what is in the layers.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.hpp"
#include "io/compression.hpp"
#include "io/file.hpp"
#include "oci/manifest.hpp"

namespace wasmx::image {

/// A layer whose compressed form is known: there is no other kind, so no digest is ever guessed.
struct Layer {
    Digest diff_id;  ///< of the uncompressed tar
    oci::Descriptor descriptor;
    io::Body body;  ///< without `open` when it was known before
};

/// An image ready to be pushed: the config's bytes as the engine has them, the layers base first.
struct Sealed {
    std::string config;
    std::vector<Layer> layers;
    /// An OCI manifest over them.
    oci::Manifest manifest() const;
};

/// How a manifest names these bytes as its config.
oci::Descriptor config_descriptor(const std::string& config);

/// The media type of a layer that was compressed so.
std::string_view layer_type_of(const io::Compression& compression);

/// Where the compressed bytes of a layer go while it is sealed. Without `sealed` there is no such layer in the end.
class LayerSink {
public:
    LayerSink() = default;
    LayerSink(const LayerSink&) = delete;
    LayerSink& operator=(const LayerSink&) = delete;
    virtual ~LayerSink() = default;
    virtual void write(std::span<const std::byte> bytes) = 0;
    /// Told at most once, and only of a layer that is certainly on its way: of about `size` bytes, and by its diff ID
    /// where that is known before its end.
    virtual void begun(const std::optional<Digest>& diff_id, std::uint64_t size) = 0;
    /// The diff ID is not known of one that the engine stores compressed.
    virtual void sealed(const std::optional<Digest>& diff_id, const oci::Descriptor&) = 0;
    /// What was written.
    virtual io::Body body() const = 0;
};

/// What is done with layers while an archive is read.
struct SealHooks {
    io::Compression compression{};
    /// The form of a layer that is to be used, when it need not be sealed; nullopt: it has to be.
    std::function<std::optional<oci::Descriptor>(const Digest& diff_id)> known = nullptr;
    /// A place for a layer; a scratch file when there is none.
    std::function<std::unique_ptr<LayerSink>()> new_sink = nullptr;
};

/// Compresses the tar of a layer into a sink of `hooks`. `size` as LayerSink::begun has it. A tar that is not the layer
/// is Fault::integrity, and its sink is not `sealed`.
void seal_layer(io::SourcePtr tar, std::uint64_t size, const Digest& diff_id, const SealHooks& hooks,
                Progress& progress);

/// Reads the archive that an engine exports (docker save: the layouts of 20.10, of 25 and later, of containerd's store,
/// of podman), in one pass, into temporary files. Layers that are plain tars are compressed; compressed ones
/// are taken as they are. Every layer is held against its diff ID or its digest; one that is `known` has no body. An
/// archive with more or fewer than one image is Fault::integrity.
Sealed seal_export(io::Source& archive, Progress& progress, const SealHooks& hooks = {});

}  // namespace wasmx::image
