// SPDX-License-Identifier: Apache-2.0
#include "registry/token.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

#include "base/text.hpp"
#include "io/base64.hpp"
#include "io/json.hpp"
#include "registry/registry.hpp"

namespace wasmx::registry {

namespace {

using Json = nlohmann::json;
using std::chrono::seconds;

constexpr seconds usual_life{60};  // (spec/auth/token.md: "if omitted, this defaults to 60 seconds")
constexpr seconds longest_life = std::chrono::hours(24);
constexpr seconds usual_margin{60};
constexpr seconds long_margin = std::chrono::minutes(10);  // ghcr.io ends an upload after so long
constexpr seconds request_idle_limit{60};

std::string text_member(const Json& json, const char* key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

seconds life_of(const Json& json) {
    const auto found = json.find("expires_in");
    if (found == json.end() || !found->is_number()) return usual_life;
    const auto stated = found->get<double>();
    // The specification forbids less than a minute, and there are services that are set to seconds.
    if (!(stated >= 1)) return usual_life;
    return stated > static_cast<double>(longest_life.count()) ? longest_life : seconds(static_cast<long>(stated));
}

// A token's life begins when it was issued. Where the clocks differ so much that it would not have begun yet, or be
// over already, only our own clock can be believed.
TimePoint begin_of(const Json& json, seconds life, TimePoint now) {
    const auto issued = parse_timestamp(text_member(json, "issued_at"));
    return issued && *issued <= now && *issued + life > now ? *issued : now;
}

}  // namespace

Token parse_token_reply(std::string_view text, TimePoint now) {
    const Json json = io::try_parse_json(text);
    if (!json.is_object()) throw Error(Fault::unavailable, "the token service's reply is no JSON object");
    // Both are legal, and some services leave one of them empty.
    std::string value = text_member(json, "access_token");
    if (value.empty()) value = text_member(json, "token");
    if (value.empty()) throw Error(Fault::unavailable, "the token service's reply has no token");
    // It goes into a header, where a line end would begin another one.
    if (std::any_of(value.begin(), value.end(), [](char c) { return c < '!' || c > '~'; }))
        throw Error(Fault::unavailable, "the token service's token is no token");
    const seconds life = life_of(json);
    Token token;
    token.value = Secret(std::move(value));
    token.expires = begin_of(json, life, now) + life;
    // At least half of what is left of a short life is used, and a quarter before a long request.
    const auto left = std::chrono::duration_cast<milliseconds>(token.expires - now);
    token.renew_at = token.expires - std::min<milliseconds>(usual_margin, left / 2);
    token.renew_long_at = token.expires - std::min<milliseconds>(long_margin, left * 3 / 4);
    token.refresh_token = Secret(text_member(json, "refresh_token"));
    return token;
}

std::vector<std::string> merged_scopes(const std::vector<std::string>& scopes) {
    std::vector<std::pair<std::string, std::set<std::string>>> things;
    for (const std::string& asked : scopes) {
        const std::string scope = asked.substr(0, asked.find_last_not_of(":,") + 1);  // npos + 1 is 0
        if (scope.empty()) continue;
        // A name may hold a colon itself, before a port.
        const auto colon = std::min(scope.rfind(':'), scope.size());
        const std::string thing = scope.substr(0, colon);
        auto found = std::find_if(things.begin(), things.end(), [&](const auto& one) { return one.first == thing; });
        if (found == things.end()) found = things.insert(things.end(), {thing, {}});
        for (const auto action : split(std::string_view(scope).substr(std::min(colon + 1, scope.size())), ','))
            if (!action.empty()) found->second.emplace(action);
    }
    std::vector<std::string> out;
    for (const auto& [thing, actions] : things) {
        std::string all;
        for (const std::string& action : actions) all.append(all.empty() ? "" : ",").append(action);
        if (actions.contains("*")) all = "*";
        out.push_back(all.empty() ? thing : fmt::format("{}:{}", thing, all));
    }
    return out;
}

Secret basic_authorization(const std::string& user, const Secret& password) {
    return Secret("Basic " + io::base64_encode(fmt::format("{}:{}", user, password.reveal())));
}

io::HttpRequest token_get(const TokenQuestion& question, const credentials::Credential* credential) {
    io::HttpRequest request;
    request.url = question.realm;
    const auto add = [&request](std::string_view name, std::string_view value) {
        // A realm may bring a query of its own.
        request.url += request.url.find('?') == std::string::npos ? '?' : '&';
        request.url += fmt::format("{}={}", name, io::percent_encoded(value));
    };
    if (!question.service.empty()) add("service", question.service);
    for (const std::string& scope : question.scopes) add("scope", scope);
    if (credential != nullptr && !(credential->username.empty() && credential->password.empty())) {
        if (!credential->username.empty()) add("account", credential->username);
        request.secret_headers.emplace_back("Authorization",
                                            basic_authorization(credential->username, credential->password));
    }
    request.idle_limit = request_idle_limit;
    request.total_limit = small_answer_limit;
    return request;
}

io::HttpRequest token_post(const TokenQuestion& question, const Secret& refresh_token) {
    std::string scope;
    for (const std::string& one : question.scopes) scope += (scope.empty() ? "" : " ") + one;
    io::HttpRequest request;
    request.method = "POST";
    request.url = question.realm;
    request.headers.push_back({"Content-Type", "application/x-www-form-urlencoded"});
    request.body =
        io::body_of(fmt::format("grant_type=refresh_token&service={}&client_id=wasmx-image&scope={}&refresh_token={}",
                                io::percent_encoded(question.service), io::percent_encoded(scope),
                                io::percent_encoded(refresh_token.reveal())));
    request.idle_limit = request_idle_limit;
    request.total_limit = small_answer_limit;
    return request;
}

}  // namespace wasmx::registry
