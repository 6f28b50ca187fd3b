// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "engine/engine.hpp"
#include "source/source.hpp"

namespace wasmx::build {

/// Folder of the module whose Dockerfile makes the default base image (its `make act-build`), and that file.
inline constexpr std::string_view base_folder = "assets/release/Dockerfiles";
inline constexpr std::string_view base_dockerfile = "Dockerfile.ubuntu-22.04";
/// On a base image that we built: git's id of `base_folder` then.
inline constexpr std::string_view base_tree_label = "dev.wasmx.base.tree";

struct BaseImage {
    std::string name;    ///< as it was asked for
    std::string from;    ///< what a Dockerfile's FROM has to say on this engine
    std::string digest;  ///< "sha256:…" in its repository, or empty
    std::size_t layers = 0;
};

struct BaseWanted {
    std::string name;        ///< image reference
    bool is_default = true;  ///< then it is built from the module when it is not there
    oci::Platform platform;
};

/// What `ensure_base` would do; asks the engine, changes nothing.
enum class BaseState { present, outdated, to_be_built, to_be_pulled };
BaseState state_of_base(engine::Engine& engine, const source::Tree& tree, const BaseWanted& wanted);

/// X-Registry-Auth for the registry of a reference, or empty.
using RegistryAuth = std::function<Secret(const oci::Reference&)>;

/// Makes the base image be there, for the platform: takes it, pulls it, or builds it from the module. One of another
/// platform is Fault::failed.
BaseImage ensure_base(engine::Engine& engine, const source::Tree& tree, const BaseWanted& wanted,
                      const RegistryAuth& auth, Progress& progress);

}  // namespace wasmx::build
