// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "commands/command.hpp"
#include "credentials/credentials.hpp"
#include "engine/engine.hpp"
#include "registry/registry.hpp"

namespace wasmx::commands {

/// What Docker and podman keep for TLS with one registry.
io::HttpClient::Trust registry_trust();

/// The options of a repository whose credentials are the user's.
registry::Repository::Options user_access(App& app, const oci::Reference& name, registry::Access access);

/// Throws Fault::failed when the tag is published and the engine's image was made from something else. (The rule of the
/// check registry-tag.) `repository` has proved before that it may push: only then nothing is hidden from it.
void refuse_to_overwrite(registry::Repository& repository, const oci::Reference& target,
                         const engine::ImageInfo& image);

/// X-Registry-Auth with the user's credentials for the registry of `image`; empty when there are none.
Secret engine_auth(App& app, const oci::Reference& image);

}  // namespace wasmx::commands
