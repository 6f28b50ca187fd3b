// SPDX-License-Identifier: Apache-2.0
#include "build/base_image.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "build/dockerfile.hpp"
#include "build/run.hpp"

namespace wasmx::build {

namespace {

std::string folder_text() { return std::string(base_folder); }

void check_platform(const engine::ImageInfo& image, const BaseWanted& wanted) {
    const auto platform = oci::Platform::from_architecture(image.architecture);
    if (image.os == oci::Platform::os() && platform == wanted.platform) return;
    throw Error(
        Fault::failed,
        fmt::format("the base image {} is for {}/{}, and {} is wanted", wanted.name, image.os, image.architecture,
                    wanted.platform.docker_platform()),
        wanted.is_default
            ? fmt::format("remove it (`docker rmi {}`); it is then built anew for the right platform", wanted.name)
            : "name another with --base-image");
}

void pull_bases(engine::Engine& engine, std::string_view dockerfile, const BaseWanted& wanted, const RegistryAuth& auth,
                Progress& progress) {
    // A build without a session cannot ask us for credentials, so what it starts from must be there before.
    for (const std::string& image : base_images(dockerfile)) {
        if (engine.find_image(image)) continue;
        const auto reference = oci::Reference::parse(image);
        engine.pull(reference, wanted.platform.docker_platform(), auth(reference), progress);
    }
}

void build_base(engine::Engine& engine, const source::Tree& tree, const BaseWanted& wanted, const RegistryAuth& auth,
                Progress& progress) {
    const std::string path = fmt::format("{}/{}", base_folder, base_dockerfile);
    const auto dockerfile = tree.find_file(path);
    if (!dockerfile)
        throw Error(Fault::not_found,
                    fmt::format("the engine has no image {}, and {} has no {} to build it from", wanted.name,
                                tree.description(), path),
                    "name a base image with --base-image, or give the ngx_wasm_module tree as --source");
    progress.note(fmt::format("base image: building {} from {}", wanted.name, path));
    pull_bases(engine, *dockerfile, wanted, auth, progress);
    engine::BuildRequest request{.tags = {wanted.name},
                                 .dockerfile = std::string(base_dockerfile),
                                 .platform = wanted.platform.docker_platform(),
                                 .args = {},
                                 .labels = {}};
    if (const auto id = tree.find_tree_id(folder_text())) request.labels.emplace(base_tree_label, *id);
    const io::Body context{.size = {}, .open = [&tree] {
                               return io::tar_of(tree.members(folder_text(), "", source::Tree::Ignore::dockerignore));
                           }};
    in_context("building the base image " + wanted.name, [&] { return run(engine, request, context, progress); });
}

BaseState state_of(const std::optional<engine::ImageInfo>& image, const source::Tree& tree, const BaseWanted& wanted) {
    if (!image) return wanted.is_default ? BaseState::to_be_built : BaseState::to_be_pulled;
    const auto label = image->labels.find(std::string(base_tree_label));
    const auto tree_id = tree.has_files() ? tree.find_tree_id(folder_text()) : std::nullopt;
    // Only an image that we built from the module is ours to build again.
    const bool outdated = wanted.is_default && label != image->labels.end() && tree_id && *tree_id != label->second;
    return outdated ? BaseState::outdated : BaseState::present;
}

}  // namespace

BaseState state_of_base(engine::Engine& engine, const source::Tree& tree, const BaseWanted& wanted) {
    const auto image = engine.find_image(wanted.name);
    if (image) check_platform(*image, wanted);
    return state_of(image, tree, wanted);
}

BaseImage ensure_base(engine::Engine& engine, const source::Tree& tree, const BaseWanted& wanted,
                      const RegistryAuth& auth, Progress& progress) {
    auto image = engine.find_image(wanted.name);
    if (image) check_platform(*image, wanted);
    switch (state_of(image, tree, wanted)) {
        case BaseState::present:
            if (wanted.is_default && !image->labels.contains(std::string(base_tree_label)))
                progress.warn(fmt::format(
                    "the base image {} does not say what it was built from; `docker rmi {}` has it built anew",
                    wanted.name, wanted.name));
            break;
        case BaseState::outdated:
            progress.note(fmt::format("base image: {} was built from another state of {}", wanted.name, base_folder));
            [[fallthrough]];
        case BaseState::to_be_built:
            build_base(engine, tree, wanted, auth, progress);
            image = engine.find_image(wanted.name);
            break;
        case BaseState::to_be_pulled: {
            const auto reference = oci::Reference::parse(wanted.name);
            engine.pull(reference, wanted.platform.docker_platform(), auth(reference), progress);
            image = engine.find_image(wanted.name);
            break;
        }
    }
    if (!image) throw Error(Fault::failed, fmt::format("the engine has no image {} after having made it", wanted.name));
    check_platform(*image, wanted);

    BaseImage out{.name = wanted.name, .from = wanted.name, .digest = {}, .layers = image->diff_ids.size()};
    // podman would look a short name up on docker.io; its own name for the image is exact.
    if (engine.identity().podman && !image->tags.empty()) out.from = image->tags.front();
    // podman's repository digests are its own, not what a registry has.
    if (!engine.identity().podman && !image->repo_digests.empty()) {
        const std::string& name = image->repo_digests.front();
        out.digest = name.substr(name.find('@') + 1);
    }
    return out;
}

}  // namespace wasmx::build
