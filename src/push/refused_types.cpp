// SPDX-License-Identifier: Apache-2.0
#include "push/refused_types.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace wasmx::push {

std::string hint_of_refused_types(const registry::Refused& refused, const oci::Manifest& manifest) {
    const bool is_about_types = refused.status() == 415 || refused.status() == 406 ||
                                refused.has_code("MANIFEST_INVALID") || refused.has_code("UNSUPPORTED");
    if (!is_about_types) return {};
    const bool has_zstd = std::any_of(manifest.layers.begin(), manifest.layers.end(),
                                      [](const oci::Descriptor& layer) { return layer.media_type.ends_with("+zstd"); });
    if (has_zstd)
        return "layers are compressed with zstd, which not every registry takes: push with --compression gzip";
    return fmt::format(
        "the manifest is of the type {}: a registry that does not take OCI manifests is older than the "
        "specification; upgrade it, or push to another one",
        manifest.media_type);
}

}  // namespace wasmx::push
