// SPDX-License-Identifier: Apache-2.0
// What a registry says an image is. The first byte chooses the content type, the rest is the JSON. What was understood
// is written and understood again as the same.
#include "oci/manifest.hpp"

#include <cstdlib>

#include "base/error.hpp"
#include "image/package_note.hpp"

using namespace wasmx;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view json(reinterpret_cast<const char*>(data + 1), size - 1);
    using namespace oci::media_type;
    const std::string_view types[] = {oci_manifest, oci_index, docker_manifest, docker_list, "", "text/html"};
    try {
        const auto parsed = oci::parse_manifest(json, types[data[0] % std::size(types)]);
        if (const auto* manifest = std::get_if<oci::Manifest>(&parsed)) {
            (void)image::PackageNote::find_in(manifest->annotations);
            const auto again = oci::Manifest::parse(manifest->json());
            if (again.layers.size() != manifest->layers.size() || again.annotations != manifest->annotations)
                std::abort();
        }
    } catch (const Error& error) {
        if (error.fault() == Fault::bug) std::abort();
    }
    try {
        (void)oci::ImageConfig::parse(json);
    } catch (const Error& error) {
        if (error.fault() == Fault::bug) std::abort();
    }
    return 0;
}
