// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/secret.hpp"
#include "credentials/credentials.hpp"
#include "io/http.hpp"
#include "registry/clock.hpp"

namespace wasmx::registry {

/// A bearer token, opaque. (distribution, spec/auth/token.md)
struct Token {
    Secret value;
    TimePoint expires;
    TimePoint renew_at;       ///< early enough for the request that is sent with it to arrive
    TimePoint renew_long_at;  ///< the same for a request that takes minutes
    Secret refresh_token;     ///< to be used from now on, when there is one
};

/// Reads the reply of a token service that arrived at `now`. Throws Fault::unavailable when there is no token in it.
Token parse_token_reply(std::string_view json, TimePoint now);

/// Scopes as one asks for them: each thing once with all its actions, the first thing first, since some services look
/// at no other. (distribution, spec/auth/scope.md)
std::vector<std::string> merged_scopes(const std::vector<std::string>& scopes);

/// What a token is asked for.
struct TokenQuestion {
    std::string realm;  ///< absolute
    std::string service;
    std::vector<std::string> scopes;  ///< the one that is needed first
};

/// Anonymous, or with user and password (Basic); never with an identity token.
io::HttpRequest token_get(const TokenQuestion& question, const credentials::Credential* credential);
/// With the identity token as OAuth2's refresh token. (distribution, spec/auth/oauth.md)
io::HttpRequest token_post(const TokenQuestion& question, const Secret& refresh_token);

/// The value of an Authorization header (RFC 7617).
Secret basic_authorization(const std::string& user, const Secret& password);

/// `realm`, as a challenge gave it, made absolute against the URL that was asked; refused, as Fault::denied, when it is
/// not a place for what it will be sent: with `credential`, only the registry's own host, the known partner of Docker
/// Hub, and what the user says he trusts ("HOST" or "HOST:PORT"). https always, unless the registry itself is a plain
/// one on this machine. Whether the registry may lead us there at all is judged by the HttpClient.
std::string checked_realm(const std::string& registry_url, const std::string& request_url, const std::string& realm,
                          bool with_credential, const std::vector<std::string>& trusted = {});

/// What is to be mended where a registry behind TLS leads us to http://, which we never follow and docker does.
std::string plain_location_hint();

}  // namespace wasmx::registry
