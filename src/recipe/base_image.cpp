// SPDX-License-Identifier: Apache-2.0
#include "recipe/base_image.hpp"

#include <fmt/format.h>

#include "base/error.hpp"

namespace wasmx::recipe {

BaseThere BaseThere::with(std::string os, std::string architecture, const std::map<std::string, std::string>& labels) {
    const auto label = labels.find(std::string(base_tree_label));
    return {.os = std::move(os),
            .architecture = std::move(architecture),
            .tree = label == labels.end() ? std::nullopt : std::optional(label->second)};
}

void check_base_platform(const BaseWanted& wanted, const BaseThere& there) {
    const auto platform = oci::Platform::from_architecture(there.architecture);
    if (there.os == oci::Platform::os() && platform == wanted.platform) return;
    throw Error(
        Fault::failed,
        fmt::format("the base image {} is for {}/{}, and {} is wanted", wanted.name, there.os, there.architecture,
                    wanted.platform.docker_platform()),
        wanted.is_default
            ? fmt::format("remove it (`docker rmi {}`); it is then built anew for the right platform", wanted.name)
            : "name another with --base-image");
}

BaseState state_of_base(const BaseWanted& wanted, const std::optional<BaseThere>& there,
                        const std::optional<std::string>& tree) {
    if (!there) return wanted.is_default ? BaseState::to_be_built : BaseState::to_be_pulled;
    check_base_platform(wanted, *there);
    // Only an image that we built from the module is ours to build again.
    const bool outdated = wanted.is_default && there->tree && tree && *there->tree != *tree;
    return outdated ? BaseState::outdated : BaseState::present;
}

}  // namespace wasmx::recipe
