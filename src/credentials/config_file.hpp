// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "credentials/credentials.hpp"

namespace wasmx::credentials {

/// What Docker's config.json and podman's auth.json say about registries, read as Docker reads it: names of members in
/// any case, line ends within base64, an empty file; a byte order mark too. (docker/cli, cli/config/configfile)
class ConfigFile {
public:
    /// `name` is what people are told: a path, or the name of a variable. Throws Fault::config.
    static ConfigFile parse(std::string_view json, std::string name);

    const std::string& name() const noexcept { return name_; }
    /// `repository` ("kong/x") is for keys that stand for a part of a registry: "ghcr.io/kong".
    /// The helper to ask for `registry`, without its prefix docker-credential-; credHelpers before credsStore.
    std::optional<std::string> find_helper(const std::string& registry, const std::string& repository) const;
    /// What `auths` itself holds. An entry without a secret, as `docker login` leaves beside a store, is none.
    std::optional<Credential> find_stored(const std::string& registry, const std::string& repository) const;

private:
    /// One member of `auths`, as it stands there.
    struct Entry {
        Secret auth;
        std::string username;
        Secret password;
        Secret identity_token;
        Secret registry_token;
        bool is_broken = false;
    };
    static Entry entry_of(const nlohmann::json& json);
    Credential credential_from(const std::string& registry, const Entry& entry) const;

    std::string name_;
    std::string store_;
    std::map<std::string, std::string> helpers_;
    std::map<std::string, Entry> entries_;
};

/// The host (and port) that a key of the file stands for: "https://ghcr.io/v2/" is ghcr.io, and Docker's own
/// "https://index.docker.io/v1/" is docker.io.
std::string host_of_key(std::string_view key);

}  // namespace wasmx::credentials
