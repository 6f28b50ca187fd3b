// SPDX-License-Identifier: Apache-2.0
#include "recipe/base_image.hpp"

#include <fmt/format.h>

#include "doctor/doctor.hpp"
#include "image/published.hpp"

namespace wasmx::doctor {

namespace {

using recipe::BaseState;

std::string brief(const std::string& id) { return id.substr(0, 12); }

// Pulled only when the build begins, but whether it can be is known now.
void look_at_registry(Scene& scene, const recipe::BaseWanted& wanted, Result& result) {
    const auto name = oci::Reference::parse(wanted.name);
    result.where = name.registry();
    registry::Repository repository(
        scene.http, name,
        {.credential = [&] { return credentials::find(name.registry(), name.repository(), scene.stop); },
         .warn = [&](const std::string& line) { result.details.push_back(line); },
         .patience = registry::Patience::brief});
    const auto published = in_context("the engine does not have it",
                                      [&] { return image::find_published(repository, name, wanted.platform); });
    if (!published)
        throw Error(Fault::not_found,
                    fmt::format("neither the engine nor {} has the base image {}", name.registry(), name.familiar()),
                    "is it spelt right? --base-image names another");
    const oci::ImageConfig& config = published->config;
    recipe::check_base(wanted,
                       recipe::BaseThere::with(config.os, config.architecture, config.labels, config.inherited));
    result.observed = fmt::format("{} is not here, and will be pulled: {}", name.familiar(), published->digest.brief());
    scene.base.set(Base{{}, config.diff_ids, config.labels});
}

void look_at_module(Scene& scene, const recipe::BaseWanted& wanted, Result& result) {
    const source::Tree& tree = *scene.tree.need();
    const std::string file = fmt::format("{}/{}", recipe::base_folder, recipe::base_dockerfile);
    result.where = file;
    result.observed = fmt::format("{} is not here, and will be built from the module's {}", wanted.name, file);
    if (tree.has_files() && !tree.find_file(file))
        throw Error(Fault::not_found,
                    fmt::format("the engine has no image {}, and {} has no {} to build it from", wanted.name,
                                tree.description(), file),
                    "name a base image with --base-image, or give the ngx_wasm_module tree as --source");
}

std::optional<std::string> tree_of_module(Scene& scene) {
    const auto* tree = scene.tree.find();
    return tree != nullptr && (*tree)->has_files() ? (*tree)->find_tree_id(std::string(recipe::base_folder))
                                                   : std::nullopt;
}

}  // namespace

void base_image(Scene& scene, Result& result) {
    const recipe::BaseWanted wanted = scene.base_wanted();
    result.required = fmt::format("an image for {}", wanted.platform.docker_platform());
    result.where = scene.request.base_image ? "--base-image" : "the default";
    const auto image = scene.engine.need()->find_image(wanted.name);
    std::optional<recipe::BaseThere> there;
    if (image) there = recipe::BaseThere::with(image->os, image->architecture, image->labels, image->inherited);
    const auto tree = tree_of_module(scene);
    const BaseState state = recipe::state_of_base(wanted, there, tree);
    if (state == BaseState::present) scene.base.set(Base{image->id, image->diff_ids, image->labels});
    if (state == BaseState::to_be_built || state == BaseState::outdated) scene.base.set(std::nullopt);
    switch (state) {
        case BaseState::to_be_pulled: return look_at_registry(scene, wanted, result);
        case BaseState::to_be_built: return look_at_module(scene, wanted, result);
        case BaseState::outdated:
            result.observed = fmt::format("{} was built from {} {}, the module has {}: it will be built again",
                                          wanted.name, recipe::base_folder, brief(*there->tree), brief(*tree));
            return;
        case BaseState::present: break;
    }
    result.observed = fmt::format("{}, {}/{}", wanted.name, image->os, image->architecture);
    result.details.push_back(image->id);
    if (there->tree) {
        result.observed += fmt::format(", built from {} {}", recipe::base_folder, brief(*there->tree));
    } else if (wanted.is_default) {
        result.verdict = Verdict::warn;
        result.observed += ", does not say what it was built from";
        result.hint = fmt::format("`docker rmi {}` has it built anew from the module", wanted.name);
    }
}

}  // namespace wasmx::doctor
