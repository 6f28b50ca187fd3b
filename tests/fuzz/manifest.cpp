// SPDX-License-Identifier: Apache-2.0
// What a registry says an image is. The first byte chooses the content type, the rest is the JSON. What was understood
// is written and understood again as the same.
#include "oci/manifest.hpp"

#include <cstdlib>

#include "artifact/artifact.hpp"
#include "base/error.hpp"
#include "image/package_note.hpp"

using namespace wasmx;

namespace {

// The path of a package, which an annotation may name, is one name in one folder.
void check_path(const std::string& path) {
    const auto recipe = artifact::find_recipe_at(path);
    if (!recipe) return;
    const std::string name = path.substr(path.rfind('/') + 1);
    const bool is_plain = name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
                          std::string::npos;
    if (path != "/wasmx/dist/" + name || !name.starts_with("ngx_wasm_runtime-") || !is_plain) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view json(reinterpret_cast<const char*>(data + 1), size - 1);
    using namespace oci::media_type;
    const std::string_view types[] = {oci_manifest, oci_index, docker_manifest, docker_list, "", "text/html"};
    try {
        const auto parsed = oci::parse_manifest(json, types[data[0] % std::size(types)]);
        if (const auto* manifest = std::get_if<oci::Manifest>(&parsed)) {
            if (const auto note = image::PackageNote::find_in(manifest->annotations)) check_path(note->path);
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
