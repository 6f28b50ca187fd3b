// SPDX-License-Identifier: Apache-2.0
#include "commands/push.hpp"

#include <fmt/format.h>

#include <future>

#include "build/runtime_image.hpp"
#include "commands/registry_access.hpp"
#include "commands/sending.hpp"

namespace wasmx::commands {

namespace {

// An image that is named like ours is held against the contract, and says afterwards what its package is.
oci::Annotations annotations_for(engine::Engine& engine, const engine::ImageInfo& info, const std::string& image,
                                 const std::string& tag) {
    const auto recipe = recipe::Recipe::from_tag(tag);
    if (!recipe) return {};
    try {
        return annotations_of(*recipe, build::check_package(engine, info.id, *recipe, {}), info.labels);
    } catch (const Error& error) {
        if (error.fault() != Fault::integrity && error.fault() != Fault::not_found) throw;
        throw Error(error.fault(),
                    fmt::format("{} is named like a packaged runtime and holds none: {}", image, error.message()),
                    "build it anew, name it otherwise, or push it as it is with --no-verify");
    }
}

engine::ImageInfo image_of(engine::Engine& engine, const oci::Reference& name) {
    if (auto info = engine.find_image(name.familiar())) return *std::move(info);
    throw Error(Fault::not_found, fmt::format("the engine has no image {}", name.familiar()),
                "`docker image ls` lists those it has");
}

}  // namespace

void run_push(App& app, const Arguments& arguments) {
    check_sending(arguments);
    auto target = oci::Reference::parse(arguments.operand);
    if (target.digest())
        throw Error(Fault::usage, "an image is pushed to a tag, not to a digest", "name the image as NAME:TAG");
    if (!target.tag()) target = target.with_tag("latest");

    engine::Engine engine(app.http, engine::locate(arguments.text("--host")));
    registry::Repository repository(app.http, target, user_access(app, target, registry::Access::push));
    // The engine is asked while the registry is.
    auto engine_info = std::async(std::launch::async, [&] { return engine.info(); }).share();
    auto may_push = std::async(std::launch::async, [&] { repository.prove_push(); });
    try {
        const auto info = image_of(engine, target);
        const auto admit = [&]() -> oci::Annotations {
            may_push.get();
            if (!arguments.has("--overwrite")) refuse_to_overwrite(repository, target, info);
            if (arguments.has("--no-verify")) return {};
            return annotations_for(engine, info, target.familiar(), target.tag().value_or("latest"));
        };
        send(app, arguments, engine, repository,
             {target.familiar(), target, std::async(std::launch::deferred, admit).share(), info,
              std::move(engine_info)});
    } catch (...) {
        repository.interrupt();  // it may still be waiting for a registry that is down
        throw;
    }
}

}  // namespace wasmx::commands
