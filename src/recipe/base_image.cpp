// SPDX-License-Identifier: Apache-2.0
#include "recipe/base_image.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "base/error.hpp"
#include "base/text.hpp"

namespace wasmx::recipe {

namespace {

void check_platform(const BaseWanted& wanted, const BaseThere& there) {
    const auto platform = oci::Platform::from_architecture(there.architecture);
    if (there.os == oci::Platform::os() && platform == wanted.platform) return;
    throw Error(
        Fault::failed,
        fmt::format("the base image {} is for {}/{}, and {} is wanted", wanted.name, there.os, there.architecture,
                    wanted.platform.docker_platform()),
        wanted.is_default
            ? fmt::format("remove it (`docker rmi {}`); it is then built anew for the right platform", wanted.name)
            : fmt::format("`docker pull --platform {} {}` brings that one, or name another with --base-image",
                          wanted.platform.docker_platform(), wanted.name));
}

// Whether `path` is `folder` or below it; both absolute and clean.
bool is_within(std::string_view path, std::string_view folder) {
    return folder == "/" || path == folder || (path.starts_with(folder) && path.substr(folder.size()).starts_with('/'));
}

// Where the layers of the image go: what is put into a volume becomes no layer.
bool is_in_the_way(const std::string& volume) {
    std::string path = std::filesystem::path("/" + volume).lexically_normal().string();
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    while (path.starts_with("//")) path.erase(0, 1);
    return is_within(path, "/wasmx") || is_within("/wasmx", path);
}

void check_inherited(const BaseWanted& wanted, const oci::Inherited& inherited) {
    const auto refuse = [&](const std::string& what, std::string_view without) {
        throw Error(Fault::failed, fmt::format("the base image {} {}", wanted.name, what),
                    fmt::format("name another with --base-image, or make one without {}", without));
    };
    for (const std::string& volume : inherited.volumes)
        if (is_in_the_way(volume))
            refuse(fmt::format("declares the volume {}: what is put there becomes no layer", printable(volume)),
                   fmt::format("VOLUME {}", printable(volume)));
    if (!inherited.on_build.empty())
        refuse(fmt::format("has an ONBUILD trigger, which only a Dockerfile would run: {}",
                           printable(clipped(inherited.on_build.front(), 200))),
               "ONBUILD");
}

}  // namespace

BaseThere BaseThere::with(std::string os, std::string architecture, const std::map<std::string, std::string>& labels,
                          oci::Inherited inherited) {
    const auto label = labels.find(std::string(base_tree_label));
    return {.os = std::move(os),
            .architecture = std::move(architecture),
            .tree = label == labels.end() ? std::nullopt : std::optional(label->second),
            .inherited = std::move(inherited)};
}

void check_base(const BaseWanted& wanted, const BaseThere& there) {
    check_platform(wanted, there);
    check_inherited(wanted, there.inherited);
}

BaseState state_of_base(const BaseWanted& wanted, const std::optional<BaseThere>& there,
                        const std::optional<std::string>& tree) {
    if (!there) return wanted.is_default ? BaseState::to_be_built : BaseState::to_be_pulled;
    check_platform(wanted, *there);
    // Only an image that we built from the module is ours to build again.
    if (wanted.is_default && there->tree && tree && *there->tree != *tree) return BaseState::outdated;
    check_inherited(wanted, there->inherited);
    return BaseState::present;
}

}  // namespace wasmx::recipe
