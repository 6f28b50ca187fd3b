// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "oci/manifest.hpp"
#include "oci/platform.hpp"

namespace wasmx::image {

/// The image of an index that is for `platform`; the first, if it lists several. Throws Fault::not_found naming the
/// platforms there are. (OCI image-spec, image-index.md)
const oci::IndexEntry& choose(const oci::Index& index, const oci::Platform& platform);

/// Throws Fault::not_found, naming what there is, unless the image is for `platform`. A manifest that stands alone says
/// so nowhere else, and an index may be wrong about it.
void check_platform(const oci::ImageConfig& config, const oci::Platform& platform);

}  // namespace wasmx::image
