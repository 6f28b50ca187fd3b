// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "base/progress.hpp"
#include "oci/platform.hpp"
#include "registry/registry.hpp"

namespace wasmx::push {

/// The layers that an image shares with `base`, the image it was built on, mounted from that one's repository of the
/// same registry, by diff ID and in the form that they have there; of each `wanted` says whether it is asked for in
/// that form. `verified` are the diff IDs that an engine found in the manifest `base` (a digest) when it pulled it. It
/// only saves work: whatever is wrong with the base ends it without an error. (distribution-spec, "Mounting a blob from
/// another repository")
std::map<Digest, oci::Descriptor> mount_base_layers(
    registry::Repository& repository, registry::Repository& base_repository, const oci::Reference& base,
    const oci::Platform& platform, const std::vector<Digest>& diff_ids, const std::vector<Digest>& verified,
    const std::function<bool(const Digest& diff_id, const oci::Descriptor& form)>& wanted, Progress& progress);

}  // namespace wasmx::push
