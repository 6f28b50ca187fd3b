// SPDX-License-Identifier: Apache-2.0
#pragma once
// credentials: who we are to a registry, from where Docker's users keep it. It asks no registry and keeps nothing.

#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/secret.hpp"

namespace wasmx::credentials {

/// What was found for one registry. Exactly one of password, identity_token and registry_token is set.
struct Credential {
    std::string username;
    Secret password;
    Secret identity_token;  ///< an OAuth2 refresh token, to be changed for a bearer token
    Secret registry_token;  ///< a bearer token, to be sent as it is
    std::string origin;     ///< for people: "/root/.docker/config.json", "docker-credential-pass (…/config.json)"
    /// Hosts ("gitlab.example", "auth.example:8443") besides the registry's own that may be sent it for a token:
    /// $WASMX_TRUST_TOKEN_SERVICE, a list of REGISTRY=HOST.
    std::vector<std::string> token_services = {};
};

/// Looks for the credential of a repository ("kong/x") of `registry` ("ghcr.io", "127.0.0.1:5000"; exact host and port;
/// keys may stand for a part of it, as "ghcr.io/kong" does) in this order:
/// $DOCKER_AUTH_CONFIG, then $DOCKER_CONFIG/config.json or ~/.docker/config.json (credHelpers before credsStore before
/// auths), then podman's $REGISTRY_AUTH_FILE, $XDG_RUNTIME_DIR/containers/auth.json (/run/containers/UID without the
/// variable), ~/.config/containers/auth.json.
/// Nothing found is nullopt. A source that is broken is passed over, as docker does, and told to `warn` when another
/// one has something: a file that is no JSON or cannot be read, a helper that is configured but not installed, or that
/// fails other than by "credentials not found". When nothing is found, the first of them is thrown, as Fault::config
/// naming file and helper.
std::optional<Credential> find(const std::string& registry, const std::string& repository, const std::stop_token& stop,
                               const std::function<void(const std::string&)>& warn = nullptr);

/// $DOCKER_CONFIG or ~/.docker.
std::filesystem::path docker_config_folder();

}  // namespace wasmx::credentials
