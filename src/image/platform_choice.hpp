// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "oci/manifest.hpp"
#include "oci/platform.hpp"

namespace wasmx::image {

/// The entries of an index that may be the image for `platform`, in the order in which they are to be asked: those that
/// say so, of which one may be an artifact; then those that state no platform, whose configs have to be asked. The
/// platforms of the others are added to `there`. (OCI image-spec, image-index.md: "platform" is optional)
std::vector<oci::IndexEntry> candidates(const oci::Index& index, const oci::Platform& platform,
                                        std::set<std::string>& there);

/// Whether the config is of an image for `platform`; if not, what it says is added to `there`. An index may be wrong
/// about it.
bool is_for(const oci::ImageConfig& config, const oci::Platform& platform, std::set<std::string>& there);

/// Fault::not_found, naming the platforms there are.
Error wrong_platform(const oci::Platform& platform, std::set<std::string> there);

}  // namespace wasmx::image
