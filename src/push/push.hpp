// SPDX-License-Identifier: Apache-2.0
#pragma once
// push: an image that an engine has, into a registry, by our own client. It builds nothing.

#include <string>

#include "base/progress.hpp"
#include "engine/engine.hpp"
#include "oci/reference.hpp"
#include "registry/registry.hpp"

namespace wasmx::push {

/// Exports `image` from the engine, seals its layers, uploads what the registry lacks, and last of all the manifest,
/// with `annotations`, under the target's tag. Returns the manifest's digest.
Digest push_image(engine::Engine& engine, registry::Repository& repository, const std::string& image,
                  const oci::Reference& target, const oci::Annotations& annotations, Progress& progress);

}  // namespace wasmx::push
