// SPDX-License-Identifier: Apache-2.0
#include "commands/push.hpp"

#include <fmt/format.h>

#include "commands/registry_access.hpp"
#include "push/push.hpp"

namespace wasmx::commands {

void run_push(App& app, const Arguments& arguments) {
    auto target = oci::Reference::parse(arguments.operand);
    if (target.digest())
        throw Error(Fault::usage, "an image is pushed to a tag, not to a digest", "name the image as NAME:TAG");
    if (!target.tag()) target = target.with_tag("latest");

    engine::Engine engine(app.http, engine::locate(arguments.text("--host")));
    if (!engine.find_image(target.familiar()))
        throw Error(Fault::not_found, fmt::format("the engine has no image {}", target.familiar()),
                    "`docker image ls` lists those it has");
    registry::Repository repository(app.http, target, user_access(app, target, registry::Access::push));
    repository.prove_push();
    const Digest digest = push::push_image(engine, repository, target.familiar(), target, {}, app.progress);
    app.result(target.with_digest(digest).familiar());
}

}  // namespace wasmx::commands
