// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "oci/manifest.hpp"
#include "oci/platform.hpp"

namespace wasmx::recipe {

/// Folder of the module whose Dockerfile makes the default base image (its `make act-build`), and that file.
inline constexpr std::string_view base_folder = "assets/release/Dockerfiles";
inline constexpr std::string_view base_dockerfile = "Dockerfile.ubuntu-22.04";
/// On a base image that we built: git's id of `base_folder` then.
inline constexpr std::string_view base_tree_label = "dev.wasmx.base.tree";

struct BaseWanted {
    std::string name;        ///< image reference
    bool is_default = true;  ///< then it is built from the module when it is not there
    oci::Platform platform;
};

/// What an engine has under that name.
struct BaseThere {
    std::string os;
    std::string architecture;         ///< in any spelling
    std::optional<std::string> tree;  ///< its `base_tree_label`
    oci::Inherited inherited;

    static BaseThere with(std::string os, std::string architecture, const std::map<std::string, std::string>& labels,
                          oci::Inherited inherited);
};

/// What has to be done for the base image: nothing, build it again, build it, pull it. `tree` is git's id of
/// `base_folder` in the module, if it has one. An image that `check_base` refuses is Fault::failed.
enum class BaseState { present, outdated, to_be_built, to_be_pulled };
BaseState state_of_base(const BaseWanted& wanted, const std::optional<BaseThere>& there,
                        const std::optional<std::string>& tree);

/// Throws Fault::failed unless the runtime image can be built over it: it is for the platform that is wanted, and
/// has nothing that would be passed over (ONBUILD) or lose what is put into the layers (VOLUME).
void check_base(const BaseWanted& wanted, const BaseThere& there);

}  // namespace wasmx::recipe
