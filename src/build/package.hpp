// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "artifact/artifact.hpp"
#include "build/base_image.hpp"
#include "io/stream.hpp"
#include "recipe/recipe.hpp"

namespace wasmx::build {

/// What a build makes: the tarball, its .sha256 and its .build.json, beside each other in /wasmx/dist.
struct Package {
    artifact::Summary summary;
    std::string sum_file;
    std::string record;  ///< how it was built; empty: an older image has none
};

/// Opens a file of an image or container: Fault::not_found when it is not there.
using Open = std::function<io::SourcePtr(const std::string& path)>;

/// Reads the package and holds it against the contract. With a `folder` all files are also written there, once they are
/// known to be right. `record` replaces what is there.
Package read_package(const Open& open, const recipe::Recipe& recipe, const std::filesystem::path& folder,
                     std::string record = {});

/// A tar of the package's layer: the folders, the tarball (which `open` gives once more), and what is beside it, of one
/// `date` (seconds since the epoch).
io::Body package_layer(const Package& package, const recipe::Recipe& recipe, const Open& open, std::int64_t date);

/// The .build.json: what went into a build and was not in the source. `facts` as ScriptOutput has them.
std::string build_record(const recipe::Recipe& recipe, const std::map<std::string, std::string>& labels,
                         const BaseImage& base, const std::map<std::string, std::string>& facts);

}  // namespace wasmx::build
