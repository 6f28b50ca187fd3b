// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/text.hpp"
#include "doctor/doctor.hpp"
#include "registry/github.hpp"

namespace wasmx::doctor {

namespace {

constexpr std::string_view new_token =
    "make a classic token with write:packages at https://github.com/settings/tokens, then `docker login ghcr.io`";

}  // namespace

void token_scopes(Scene& scene, Result& result) {
    using Kind = registry::GitHubToken::Kind;
    const std::string& registry = scene.request.registry_name().registry();
    const std::string chosen = environment("GITHUB_API_URL");
    const std::string api = chosen.empty() ? "https://api.github.com" : chosen;
    result.required = "write:packages among the token's scopes";
    result.where = printable_url(api) + "/user";
    if (registry != "ghcr.io") throw Skip{fmt::format("{} is not GitHub's registry", registry)};
    const auto& credential = scene.credential.need();
    if (!credential || credential->password.empty()) throw Skip{"there is no token of a user"};
    const Kind kind = registry::kind_of(credential->password);
    if (kind == Kind::installation)
        throw Skip{"a workflow's token has no scopes: `permissions: packages: write` of its job decides"};
    if (kind == Kind::fine_grained)
        throw Error(
            Fault::denied,
            fmt::format("the token from {} is fine-grained, and ghcr.io takes none of these", credential->origin),
            std::string(new_token));
    try {
        const auto token = registry::ask_github(scene.http, credential->password, api);
        if (!token.scopes) throw Skip{"GitHub tells no scopes of this token"};
        const auto& scopes = *token.scopes;
        const std::string list = scopes.empty() ? "none" : fmt::format("{}", fmt::join(scopes, ", "));
        result.observed = fmt::format("{}'s token from {} has {}", token.user, credential->origin, list);
        if (std::find(scopes.begin(), scopes.end(), "write:packages") != scopes.end()) return;
        result.verdict = Verdict::fail;
        result.hint = new_token;
    } catch (const io::TransportError& error) {
        throw Skip{"GitHub cannot be asked: " + error.message()};
    } catch (const Error& error) {
        if (error.fault() == Fault::unavailable) throw Skip{"GitHub cannot be asked: " + error.message()};
        if (error.fault() == Fault::denied)
            throw Error(Fault::denied, fmt::format("the token from {}: {}", credential->origin, error.message()),
                        std::string(new_token));
        throw;
    }
}

}  // namespace wasmx::doctor
