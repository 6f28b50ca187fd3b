// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <vector>

#include "image/layer_cache.hpp"
#include "oci/platform.hpp"
#include "registry/registry.hpp"

namespace wasmx::push {

/// The layers that a repository has, each in a form that the registry has just said to have: by what the cache knows of
/// earlier pushes, and, where that is not enough, by the images that stand in the repository, whoever pushed them. What
/// is learned goes into the cache. `media_type` is the form that is wanted.
std::map<Digest, oci::Descriptor> find_existing(registry::Repository& repository, const oci::Reference& target,
                                                const oci::Platform& platform, const std::vector<Digest>& diff_ids,
                                                std::string_view media_type, image::LayerCache& cache);

}  // namespace wasmx::push
