// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "artifact/artifact.hpp"
#include "build/base_image.hpp"
#include "recipe/recipe.hpp"

namespace wasmx::build {

struct RuntimeWanted {
    recipe::Recipe recipe;
    std::string tag;  ///< the image's whole name
    bool no_cache = false;
};

/// The labels of the image (product names of OCI annotations.md): all follow from recipe, tree and base.
std::map<std::string, std::string> labels_of(const recipe::Recipe& recipe, const source::Tree& tree,
                                             const BaseImage& base);

/// Builds the image of a packaged runtime and returns its id.
std::string build_runtime(engine::Engine& engine, const RuntimeWanted& wanted, const source::Tree& tree,
                          const BaseImage& base, Progress& progress);

/// Reads the package and its .sha256 out of an image that the engine has and holds them against the contract. With a
/// `folder` both are also written there, once they are known to be right.
artifact::Summary check_package(engine::Engine& engine, const std::string& image, const recipe::Recipe& recipe,
                                const std::filesystem::path& folder);

}  // namespace wasmx::build
