// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "engine/engine.hpp"
#include "recipe/base_image.hpp"
#include "source/source.hpp"

namespace wasmx::build {

struct BaseImage {
    std::string name;    ///< as it was asked for
    std::string id;      ///< "sha256:…" on this engine
    std::string digest;  ///< "sha256:…" in its repository, or empty
    std::vector<Digest> diff_ids;
};

/// X-Registry-Auth for the registry of a reference, or empty.
using RegistryAuth = std::function<Secret(const oci::Reference&)>;

/// Makes the base image be there, for the platform: takes it, pulls it, or builds it from the module, with the proxies
/// as arguments, which leave nothing in the image. One of another platform is Fault::failed.
BaseImage ensure_base(engine::Engine& engine, const source::Tree& tree, const recipe::BaseWanted& wanted,
                      const RegistryAuth& auth, const engine::Proxies& proxies, Progress& progress);

}  // namespace wasmx::build
