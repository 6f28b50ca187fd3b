// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string_view>
#include <vector>

#include "image/layer_cache.hpp"
#include "registry/registry.hpp"

namespace wasmx::push {

/// The layers that a repository already has, by diff ID, in the form of `media_type`. Which blob a layer is comes from
/// the cache alone, that is, from what this machine has compressed or verified; what other images of the repository say
/// of their layers is the word of whoever may push there. That the blob exists is asked of the registry.
std::map<Digest, oci::Descriptor> find_existing(registry::Repository& repository, const std::vector<Digest>& diff_ids,
                                                std::string_view media_type, image::LayerCache& cache);

}  // namespace wasmx::push
