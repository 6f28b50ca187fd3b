// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "base/progress.hpp"
#include "engine/engine.hpp"
#include "oci/platform.hpp"
#include "push/engine_push.hpp"

namespace wasmx::push {

/// What an engine gave of an image.
struct Forwarded {
    std::string config;
    std::vector<oci::Descriptor> layers;  ///< base first, in the form in which they are or are being sent
    std::size_t there = 0;                ///< so many of them were there already
};

/// Has an engine with containerd's store push an image into an endpoint of ours on 127.0.0.1, which says what is there
/// already and takes the rest: as it is where it is compressed; compressed by us where it is not, unless that is
/// `known`. Nothing is published. Nullopt when it was not wanted after all.
///
/// Layers go to `new_sink`, whose calls never overlap but for `write`; those that the engine has compressed are
/// promised, sealed without a diff ID, and not held against it. `has_blob`: of a digest that the engine has,
/// whether it need not give it; by several threads at once. What the hooks throw ends it.
std::optional<Forwarded> forward_image(engine::Engine& engine, const engine::ImageInfo& image,
                                       const oci::Platform& platform, const TakingHooks& hooks,
                                       const std::function<bool(const Digest&)>& has_blob, Progress& progress);

}  // namespace wasmx::push
