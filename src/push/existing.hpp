// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "oci/manifest.hpp"
#include "registry/registry.hpp"

namespace wasmx::push {

/// Of blobs that layers are known to be, by diff ID, those that the registry has; one for each layer. What tags say of
/// other images is not asked: whoever may push one could say anything.
std::map<Digest, oci::Descriptor> find_existing(registry::Repository& repository,
                                                const std::vector<std::pair<Digest, oci::Descriptor>>& candidates);

}  // namespace wasmx::push
