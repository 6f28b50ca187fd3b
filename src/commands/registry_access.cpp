// SPDX-License-Identifier: Apache-2.0
#include "commands/registry_access.hpp"

#include "engine/engine.hpp"

namespace wasmx::commands {

registry::Repository::Options user_access(App& app, const oci::Reference& name, registry::Access access) {
    return {.access = access,
            .credential = [registry = name.registry(), stop = app.stop] { return credentials::find(registry, stop); },
            .warn = [&app](const std::string& line) { app.progress.warn(line); }};
}

Secret engine_auth(App& app, const oci::Reference& image) {
    const auto found = credentials::find(image.registry(), app.stop);
    if (!found) return {};
    return engine::Engine::registry_auth(found->username, found->password, found->identity_token);
}

}  // namespace wasmx::commands
