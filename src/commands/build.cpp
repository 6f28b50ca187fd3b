// SPDX-License-Identifier: Apache-2.0
#include "commands/build.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>

#include "base/text.hpp"
#include "build/runtime_image.hpp"
#include "commands/registry_access.hpp"
#include "io/file.hpp"
#include "push/push.hpp"

namespace wasmx::commands {

namespace {

namespace fs = std::filesystem;

// What is built, decided before anything is done.
struct Plan {
    std::unique_ptr<source::Tree> tree;
    recipe::Version version;
    recipe::Recipe recipe;
    oci::Reference target;
    build::BaseWanted base;
};

// Everything that can be wrong with the words themselves, before a file is read.
void check_words(const Arguments& arguments) {
    if (arguments.has("--tag") && arguments.has("--repository"))
        throw Error(Fault::usage, "--tag and --repository exclude each other: --tag is the whole name",
                    "leave one of them out");
    for (const std::string_view name : {"--source", "--ref", "--base-image", "--repository", "--tag", "--output",
                                        "--workflow", "--platform", "--runtime-version"})
        if (arguments.has(name) && arguments.text(name).empty())
            throw Error(Fault::usage, fmt::format("{} is empty", name), "give it a value, or leave it out");
    recipe::parse_runtime(arguments.text_or("--runtime", "v8"));
    if (arguments.has("--runtime-version")) recipe::check_version(arguments.text("--runtime-version"));
    if (arguments.has("--platform")) oci::Platform::parse(arguments.text("--platform"));
    if (arguments.has("--base-image")) oci::Reference::parse(arguments.text("--base-image"));
    if (arguments.has("--tag")) {
        const auto tag = oci::Reference::parse(arguments.text("--tag"));
        if (tag.digest() || !tag.tag())
            throw Error(Fault::usage, fmt::format("--tag {} has no tag", arguments.text("--tag")),
                        "it is the image's whole name, as NAME:TAG");
    }
    if (arguments.has("--repository")) {
        const auto repository = oci::Reference::parse(arguments.text("--repository"));
        if (repository.digest() || repository.tag())
            throw Error(Fault::usage, fmt::format("--repository {} has a tag", arguments.text("--repository")),
                        "leave the tag to the contract, or use --tag with the whole name");
    }
}

oci::Platform platform_for(const Arguments& arguments, const engine::Info& info) {
    const oci::Platform native = info.platform();
    if (!arguments.has("--platform")) return native;
    const auto wanted = oci::Platform::parse(arguments.text("--platform"));
    if (wanted != native && !arguments.has("--allow-emulation"))
        throw Error(
            Fault::failed,
            fmt::format("the engine's machine is {}, and {} is wanted: under emulation V8 takes more than 6 hours",
                        native.docker_platform(), wanted.docker_platform()),
            fmt::format("use an engine on a {} machine, or insist with --allow-emulation", wanted.docker_arch()));
    return wanted;
}

recipe::Version version_for(const Arguments& arguments, recipe::Runtime runtime, const source::Tree& tree) {
    recipe::VersionSources sources;
    sources.by_hand = arguments.text("--runtime-version");
    sources.environment = environment("V8_VERSION");
    if (arguments.has("--workflow"))
        sources.workflow.emplace(arguments.text("--workflow"), io::read_file(arguments.text("--workflow")));
    if (tree.has_files())
        if (const auto makefile = tree.find_file("Makefile"))
            sources.makefile.emplace("Makefile of " + tree.description(), *makefile);
    return recipe::choose_version(runtime, sources);
}

Plan plan_for(App& app, const Arguments& arguments, engine::Engine& engine) {
    const auto runtime = recipe::parse_runtime(arguments.text_or("--runtime", "v8"));
    const oci::Platform platform = platform_for(arguments, engine.info());
    auto tree = source::open({.location = arguments.text_or("--source", recipe::default_source),
                              .ref = arguments.text("--ref"),
                              .allow_dirty = arguments.has("--allow-dirty"),
                              .may_fetch = !arguments.has("--dry-run")},
                             app.progress, app.stop);
    recipe::Version version = version_for(arguments, runtime, *tree);
    const recipe::Recipe recipe{runtime, version.text, platform};
    if (tree->has_files() && !tree->find_file(recipe.script()))
        throw Error(Fault::not_found, fmt::format("{} has no {}", tree->description(), recipe.script()),
                    "--source wants the ngx_wasm_module tree");
    const auto target = arguments.has("--tag")
                            ? oci::Reference::parse(arguments.text("--tag"))
                            : oci::Reference::parse(arguments.text_or("--repository", recipe::default_repository))
                                  .with_tag(recipe.tag());
    return {std::move(tree),
            std::move(version),
            recipe,
            target,
            {.name = arguments.text_or("--base-image", recipe::default_base_image),
             .is_default = !arguments.has("--base-image"),
             .platform = platform}};
}

void tell(App& app, const Plan& plan, const engine::Engine& engine) {
    const auto& revision = plan.tree->revision();
    app.progress.note(fmt::format("engine:  {} ({}), API {}", engine.endpoint().socket, engine.endpoint().origin,
                                  engine.identity().api_version));
    app.progress.note(fmt::format("source:  {}{}", plan.tree->description(), revision ? ", commit " + *revision : ""));
    app.progress.note(
        fmt::format("runtime: {} {} (from {})", name_of(plan.recipe.runtime), plan.version.text, plan.version.origin));
    app.progress.note(
        fmt::format("image:   {} for {}", plan.target.familiar(), plan.recipe.platform.docker_platform()));
}

void tell_dry_run(App& app, const Plan& plan, engine::Engine& engine, const Arguments& arguments) {
    tell(app, plan, engine);
    const auto state = build::state_of_base(engine, *plan.tree, plan.base);
    const std::string_view what = state == build::BaseState::present ? "is there"
                                  : state == build::BaseState::outdated
                                      ? "would be built again: the module's Dockerfile changed"
                                  : state == build::BaseState::to_be_built ? "would be built from the module"
                                                                           : "would be pulled";
    app.progress.note(fmt::format("base:    {} {}", plan.base.name, what));
    if (plan.tree->has_files()) {
        const auto extent = plan.tree->extent();
        app.progress.note(fmt::format("context: {} files, {}", extent.files, human_bytes(extent.bytes)));
    } else {
        app.progress.note("context: not known before the source is cloned");
    }
    app.progress.note(fmt::format("package: {}", plan.recipe.package_path()));
    app.progress.note(arguments.has("--push") ? "push:    would be pushed to " + plan.target.familiar()
                                              : "push:    no (--push is not given)");
    app.progress.note("dry run: nothing was changed");
}

fs::path log_path(const Arguments& arguments, const Plan& plan) {
    if (arguments.has("--log-file")) return arguments.text("--log-file");
    const std::string state = environment("XDG_STATE_HOME");
    const fs::path folder = state.empty() ? io::home_folder() / ".local" / "state" : fs::path(state);
    const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    return folder / "wasmx-image" / fmt::format("build-{}-{:%Y%m%dT%H%M%SZ}.log", plan.recipe.tag(), fmt::gmtime(now));
}

// What `extract` may go by later: which file in the image is the package, and what it must be.
oci::Annotations annotations_of(const Plan& plan, const artifact::Summary& package,
                                const std::map<std::string, std::string>& labels) {
    oci::Annotations out(labels.begin(), labels.end());
    out["dev.wasmx.package.path"] = plan.recipe.package_path();
    out["dev.wasmx.package.size"] = std::to_string(package.size);
    out["dev.wasmx.package.digest"] = package.digest.str();
    return out;
}

}  // namespace

void run_build(App& app, const Arguments& arguments) {
    check_words(arguments);
    engine::Engine engine(app.http, engine::locate(arguments.text("--host")));
    const Plan plan = plan_for(app, arguments, engine);
    if (arguments.has("--dry-run")) return tell_dry_run(app, plan, engine, arguments);
    app.keep_log(log_path(arguments, plan));
    tell(app, plan, engine);

    // Hours of compiling must not end at a registry that would have refused from the start.
    const std::string tag = plan.target.familiar();
    std::optional<registry::Repository> repository;
    if (arguments.has("--push")) {
        repository.emplace(app.http, plan.target, user_access(app, plan.target, registry::Access::push));
        in_context("asking for the right to push to " + plan.target.familiar_name(), [&] { repository->prove_push(); });
    }

    const auto auth = [&](const oci::Reference& image) { return engine_auth(app, image); };
    const auto base = build::ensure_base(engine, *plan.tree, plan.base, auth, app.progress);
    const std::string id =
        build::build_runtime(engine, {plan.recipe, tag, arguments.has("--no-cache")}, *plan.tree, base, app.progress);
    const auto package = in_context("checking the package of " + tag, [&] {
        return build::check_package(engine, tag, plan.recipe, arguments.text("--output"));
    });
    app.progress.note(fmt::format("package: {}, {}, {}", plan.recipe.package_name(), human_bytes(package.size),
                                  package.digest.str()));
    if (!repository) return app.result(id);
    const auto annotations = annotations_of(plan, package, build::labels_of(plan.recipe, *plan.tree, base));
    const Digest digest = push::push_image(engine, *repository, tag, plan.target, annotations, app.progress);
    app.result(plan.target.with_digest(digest).familiar());
}

}  // namespace wasmx::commands
