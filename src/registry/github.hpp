// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "credentials/credentials.hpp"
#include "io/http.hpp"

namespace wasmx::registry {

/// What GitHub says of a token that is used as a password for its registry.
struct GitHubToken {
    /// A token begins with its kind. (docs.github.com, "About authentication to GitHub", token formats)
    enum class Kind {
        classic,       ///< ghp_, or of before 2021: has scopes
        oauth,         ///< gho_, as `gh auth token` gives: has scopes
        fine_grained,  ///< github_pat_: ghcr.io does not take these
        installation,  ///< ghs_: a workflow's GITHUB_TOKEN or an app's: has permissions, which nobody tells
    };
    Kind kind = Kind::classic;
    std::string user;                                ///< whose it is
    std::optional<std::vector<std::string>> scopes;  ///< X-OAuth-Scopes; nullopt: it says none
};

GitHubToken::Kind kind_of(const Secret& token);

/// GET {api}/user with the token, which is sent to https or to this machine only. A token that GitHub does not know is
/// Fault::denied. `api` is "https://api.github.com" or what $GITHUB_API_URL says in its place.
GitHubToken ask_github(io::HttpClient& http, const Secret& token, const std::string& api);

}  // namespace wasmx::registry
