// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>

#include "artifact/artifact.hpp"
#include "build/base_image.hpp"
#include "build/key.hpp"
#include "engine/measure.hpp"
#include "recipe/recipe.hpp"

namespace wasmx::build {

struct BuildOptions {
    recipe::Recipe recipe;
    oci::Reference tag;               ///< the image's whole name
    std::filesystem::path output;     ///< folder that also gets the package; empty: none
    bool no_cache = false;            ///< build again although the image is there
    bool fresh = false;               ///< empty the work volume first
    bool wait = false;                ///< until the volume is free, when another build uses it
    bool detach = false;              ///< start the container and return
    std::uint64_t jobs = 0;           ///< compile jobs; 0: as many as memory and processors allow
    std::uint64_t memory = 0;         ///< limit of the container in bytes; 0: none
    std::uint64_t disk = 0;           ///< free bytes that the work volume needs; 0: not asked
    std::chrono::seconds timeout{0};  ///< how long to watch before the build is stopped; 0: no limit
    std::string depot_tools{};        ///< branch, tag or commit of depot_tools; empty: the one that V8 names
    engine::Capacity capacity{};      ///< what a container of the engine may use
    std::vector<std::pair<std::string, Secret>> environment{};  ///< of the script: proxies
    /// Asked when we are stopped: whether the build is to go on without us.
    std::function<bool()> has_hung_up{};
};

struct BuildResult {
    std::string image_id;  ///< empty: detached, the container runs
    artifact::Summary package{};
    std::string container{};  ///< that runs
};

/// The labels of the image (product names of OCI annotations.md): all follow from recipe, tree and base.
std::map<std::string, std::string> labels_of(const recipe::Recipe& recipe, const source::Tree& tree,
                                             const BaseImage& base);

/// Makes the image of a packaged runtime: the source image (base image and one layer), a container of it that runs
/// images/runtime.sh in the work volume, and an image of one more layer with the package, which has been held against
/// the contract. Whatever of that the engine has already is not done again; a build that runs is joined.
/// A script that fails is Fault::failed with the lines of the first failed step and the cause.
BuildResult build_runtime(engine::Engine& engine, const BuildOptions& options, const source::Tree& tree,
                          const BaseImage& base, Progress& progress);

/// Reads the package and its .sha256 out of an image that the engine has and holds them against the contract. With a
/// `folder` both are also written there, once they are known to be right.
artifact::Summary check_package(engine::Engine& engine, const std::string& image, const recipe::Recipe& recipe,
                                const std::filesystem::path& folder);

}  // namespace wasmx::build
