// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "oci/reference.hpp"
#include "recipe/recipe.hpp"
#include "source/source.hpp"

namespace wasmx::build {

/// What a build is known by on the engine: who asks for the same build again finds the one that runs, the one that has
/// ended, or its image. No state is kept on the client.
struct BuildKey {
    std::string text;       ///< 12 hex digits of all that goes in: base image, source, version, script, settings
    std::string container;  ///< wasmx-image-v8-13.1.201.15-linux-arm64-<text>
    std::string volume;     ///< Recipe::work_volume
    std::string comment;    ///< of the image: "wasmx-image build <text>"
    oci::Reference source_image =
        oci::Reference::parse("wasmx-image-source");  ///< base image and source: wasmx-image-source:<hash>
};

/// `base_id` is the ID of the base image, `labels` are those of the image, `depot_tools` is the ref that the user wants
/// (empty: none). A tree without a commit is read once, to hash it.
BuildKey key_of(const recipe::Recipe& recipe, const source::Tree& tree, const std::string& base_id,
                const std::map<std::string, std::string>& labels, const std::string& depot_tools);

/// On a build container: its key. All that `wasmx-image builds` shows follows from it, the name, and the state.
inline constexpr const char* key_label = "dev.wasmx.build.key";
inline constexpr const char* volume_label = "dev.wasmx.build.volume";
/// On a work volume.
inline constexpr const char* work_label = "dev.wasmx.work";
inline constexpr const char* container_prefix = "wasmx-image-";
inline constexpr const char* source_image_name = "wasmx-image-source";

}  // namespace wasmx::build
