// SPDX-License-Identifier: Apache-2.0
#include "build/base_image.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "build/dockerfile.hpp"
#include "build/run.hpp"

namespace wasmx::build {

namespace {

std::string folder_text() { return std::string(recipe::base_folder); }

recipe::BaseThere there(const engine::ImageInfo& image) {
    return recipe::BaseThere::with(image.os, image.architecture, image.labels, image.inherited);
}

void pull_bases(engine::Engine& engine, std::string_view dockerfile, const recipe::BaseWanted& wanted,
                const RegistryAuth& auth, Progress& progress) {
    // A build without a session cannot ask us for credentials, so what it starts from must be there before.
    for (const std::string& image : base_images(dockerfile)) {
        const auto reference = oci::Reference::parse(image);
        if (engine.find_image(image)) continue;
        engine.pull(reference, wanted.platform.docker_platform(), auth(reference), progress);
    }
}

void build_base(engine::Engine& engine, const source::Tree& tree, const recipe::BaseWanted& wanted,
                const RegistryAuth& auth, const engine::Proxies& proxies, Progress& progress) {
    const std::string path = fmt::format("{}/{}", recipe::base_folder, recipe::base_dockerfile);
    const auto dockerfile = tree.find_file(path);
    if (!dockerfile)
        throw Error(Fault::not_found,
                    fmt::format("the engine has no image {}, and {} has no {} to build it from", wanted.name,
                                tree.description(), path),
                    "name a base image with --base-image, or give the ngx_wasm_module tree as --source");
    progress.note(fmt::format("base image: building {} from {}", wanted.name, path));
    in_context("reading " + path, [&] { pull_bases(engine, *dockerfile, wanted, auth, progress); });
    engine::BuildRequest request{.tags = {wanted.name},
                                 .dockerfile = std::string(recipe::base_dockerfile),
                                 .platform = wanted.platform.docker_platform(),
                                 .args = {},
                                 .labels = {}};
    request.proxies = proxies;
    if (const auto id = tree.find_tree_id(folder_text())) request.labels.emplace(recipe::base_tree_label, *id);
    const io::Body context{.size = {}, .open = [&tree] {
                               return io::tar_of(tree.members(folder_text(), "", source::Tree::Ignore::dockerignore));
                           }};
    in_context("building the base image " + wanted.name, [&] { return run(engine, request, context, progress); });
}

}  // namespace

BaseImage ensure_base(engine::Engine& engine, const source::Tree& tree, const recipe::BaseWanted& wanted,
                      const RegistryAuth& auth, const engine::Proxies& proxies, Progress& progress) {
    using recipe::BaseState;
    auto image = engine.find_image(wanted.name);
    const auto tree_id = tree.has_files() ? tree.find_tree_id(folder_text()) : std::nullopt;
    switch (recipe::state_of_base(wanted, image ? std::optional(there(*image)) : std::nullopt, tree_id)) {
        case BaseState::present: break;
        case BaseState::outdated:
            progress.note(
                fmt::format("base image: {} was built from another state of {}", wanted.name, recipe::base_folder));
            [[fallthrough]];
        case BaseState::to_be_built:
            build_base(engine, tree, wanted, auth, proxies, progress);
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
    recipe::check_base(wanted, there(*image));

    BaseImage out{.name = wanted.name, .id = image->id, .digest = {}, .diff_ids = image->diff_ids};
    // podman's repository digests are its own, not what a registry has.
    if (!engine.identity().podman && !image->repo_digests.empty()) {
        const std::string& name = image->repo_digests.front();
        out.digest = name.substr(name.find('@') + 1);
    }
    return out;
}

}  // namespace wasmx::build
