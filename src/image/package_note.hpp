// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "oci/manifest.hpp"

namespace wasmx::image {

/// What a manifest of ours says of the package in the image, as annotations: with the manifest pinned by its digest,
/// the file is too, wherever it is read from.
struct PackageNote {
    std::string path;  ///< "/wasmx/dist/x.tar.gz"
    std::uint64_t size = 0;
    Digest digest;

    void add_to(oci::Annotations& annotations) const;
    /// nullopt when there is none, or none that is whole.
    static std::optional<PackageNote> find_in(const oci::Annotations& annotations);
};

}  // namespace wasmx::image
