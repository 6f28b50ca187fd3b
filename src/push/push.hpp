// SPDX-License-Identifier: Apache-2.0
#pragma once
// push: an image that an engine has, into a registry, by our own client. It builds nothing.

#include <future>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.hpp"
#include "engine/engine.hpp"
#include "image/layer_cache.hpp"
#include "io/compression.hpp"
#include "oci/reference.hpp"
#include "push/plan.hpp"
#include "registry/registry.hpp"

namespace wasmx::push {

struct PushOptions {
    std::string image;       ///< its name on the engine, for people
    engine::ImageInfo info;  ///< what the engine says of it; what is pushed is the image of this ID
    oci::Reference target;
    /// Whether it may be pushed, which may still be found out while the engine gets ready: an error ends the push
    /// before the registry is asked for anything else. The annotations of the manifest.
    std::shared_future<oci::Annotations> admitted;
    /// Of layers that the engine does not have compressed; the others stay as they are.
    io::Compression compression{};
    /// The image that it was built on, by digest, where another repository of the same registry has it: its layers are
    /// mounted from there.
    std::optional<oci::Reference> base{};
    registry::Repository* base_repository = nullptr;
    Via via = Via::automatic;
    unsigned parallel = 4;                           ///< uploads at a time
    std::shared_future<engine::Info> engine_info{};  ///< when it has been asked for already
};

/// How the registry came to have a layer.
enum class LayerOrigin { existed, mounted, cached, store, exported };

struct PushedLayer {
    Digest diff_id;
    oci::Descriptor blob;
    LayerOrigin origin = LayerOrigin::existed;
};

struct PushResult {
    std::string reference;            ///< "ghcr.io/kong/x:1@sha256:…"
    Digest digest;                    ///< of the manifest
    std::vector<PushedLayer> layers;  ///< base first
    std::uint64_t sent = 0;           ///< bytes of blobs that were uploaded
    double seconds = 0;
};
/// As src/push/report.schema.json describes it.
std::string json_of(const PushResult& result);

/// Uploads the layers that the registry lacks, while the next ones are still read and compressed, and last of all the
/// manifest under the target's tag. Layers that the registry has are not read, those that `cache` has are not
/// compressed again.
PushResult push_image(engine::Engine& engine, registry::Repository& repository, image::LayerCache& cache,
                      const PushOptions& options, Progress& progress);

}  // namespace wasmx::push
