// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "base/progress.hpp"
#include "engine/engine.hpp"
#include "image/sealed.hpp"
#include "oci/platform.hpp"

namespace wasmx::push {

/// What is done with an image while an engine gives it.
struct ForwardHooks {
    image::SealHooks layers;
    /// Of a digest that the engine has: whether it need not give it. By several threads at once.
    std::function<bool(const Digest&)> has_blob;
    /// The config is here, maybe before the layers are.
    std::function<void(const std::string&)> config;
    std::function<void()> check;  ///< called now and then; what it throws ends it
};

/// What an engine gave of an image.
struct Forwarded {
    std::string config;
    std::vector<oci::Descriptor> layers;  ///< base first, in the form in which they are or are being sent
    std::size_t there = 0;                ///< so many of them were there already
};

/// Has an engine with containerd's store push an image into an endpoint of ours on 127.0.0.1, which says what is there
/// already and takes the rest: as it is where it is compressed; compressed by us where it is not, unless that is
/// `known`. Nothing is published.
///
/// Layers go to `new_sink`, whose calls never overlap but for `write`; those that the engine has compressed are begun
/// by their digest, sealed without a diff ID, and not held against it.
Forwarded forward_image(engine::Engine& engine, const engine::ImageInfo& image, const oci::Platform& platform,
                        const ForwardHooks& hooks, Progress& progress);

}  // namespace wasmx::push
