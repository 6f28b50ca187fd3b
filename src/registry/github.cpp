// SPDX-License-Identifier: Apache-2.0
#include "registry/github.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/text.hpp"
#include "io/json.hpp"
#include "io/url.hpp"
#include "registry/registry.hpp"

namespace wasmx::registry {

GitHubToken::Kind kind_of(const Secret& token) {
    const std::string_view text = token.reveal();
    if (text.starts_with("github_pat_")) return GitHubToken::Kind::fine_grained;
    if (text.starts_with("ghs_")) return GitHubToken::Kind::installation;
    if (text.starts_with("gho_")) return GitHubToken::Kind::oauth;
    return GitHubToken::Kind::classic;
}

GitHubToken ask_github(io::HttpClient& http, const Secret& token, const std::string& api) {
    constexpr std::uint64_t most_read = 1 << 20;
    const io::Url url = io::Url::parse(api);
    if (url.has_user || (url.scheme != "https" && !io::is_loopback(url.host)))
        throw Error(Fault::config,
                    fmt::format("a token is not sent to {}, which {}", printable_url(api),
                                url.has_user ? "names a user" : "is not https"),
                    "set $GITHUB_API_URL anew, or leave it out");
    io::HttpRequest request;
    request.url = (api.ends_with('/') ? api.substr(0, api.size() - 1) : api) + "/user";
    request.headers.push_back({"Accept", "application/vnd.github+json"});
    request.secret_headers.emplace_back("Authorization", Secret(fmt::format("Bearer {}", token.reveal())));
    request.connect_limit = std::chrono::seconds(5);
    request.idle_limit = std::chrono::seconds(10);
    request.total_limit = small_answer_limit;
    io::HttpResponse response = http.send(request);
    const std::string body = io::read_all(*response.body, most_read);
    const auto refused = [&](Fault fault, std::string_view why, std::string hint) {
        return Error(fault, fmt::format("GET {}: {}{}", printable_url(request.url), response.status, why),
                     std::move(hint));
    };
    if (response.status == 401)
        throw refused(Fault::denied, ": GitHub does not know the token: it is wrong, expired or revoked", {});
    if (response.status != 200) throw refused(Fault::unavailable, "", {});
    GitHubToken out;
    out.kind = kind_of(token);
    if (const auto json = io::try_parse_json(body); json.is_object())
        if (const auto login = json.find("login"); login != json.end() && login->is_string())
            out.user = printable(login->get<std::string>());
    if (const auto header = response.find_header("X-OAuth-Scopes")) {
        out.scopes.emplace();
        for (const auto scope : split(*header, ','))
            if (!trim(scope).empty()) out.scopes->push_back(printable(trim(scope)));
    }
    return out;
}

}  // namespace wasmx::registry
