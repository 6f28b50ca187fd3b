// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "registry/token.hpp"

// Whoever answers for a registry chooses the realm, and with it who is sent the password: that was CVE-2020-15157 in
// containerd and CVE-2026-48978 in oras. So the realm is judged here, before anything is sent.

namespace wasmx::registry {

namespace {

// Docker Hub's token service is the one on another host that everybody needs.
bool is_known_pair(const io::Url& registry, const io::Url& realm) {
    return registry.host == "registry-1.docker.io" && realm.host == "auth.docker.io";
}

std::string authority_of(const io::Url& url) {
    constexpr int https = 443;
    const std::string host = url.host.find(':') == std::string::npos ? url.host : "[" + url.host + "]";
    return url.port == https ? host : fmt::format("{}:{}", host, url.port);
}

}  // namespace

std::string plain_location_hint() {
    return "nothing is sent without TLS. A proxy ends TLS before the registry and does not tell it: have the proxy "
           "send "
           "`X-Forwarded-Proto: https` and `Host`, or set `relativeurls: true` and an https `realm` in the registry's "
           "configuration";
}

std::string checked_realm(const std::string& registry_url, const std::string& request_url, const std::string& realm,
                          bool with_credential, const std::vector<std::string>& trusted) {
    if (realm.empty())
        throw Error(Fault::unavailable,
                    fmt::format("{} asks for a token and does not say where to get it", printable_url(registry_url)));
    std::string absolute = io::resolve_url(request_url, realm);
    const io::Url registry = io::Url::parse(registry_url);
    const io::Url target = io::Url::parse(absolute);
    const auto refuse = [&](std::string_view why, std::string hint) {
        return Error(Fault::denied,
                     fmt::format("{} wants tokens to be got from {}, {}", printable_url(registry_url),
                                 printable_url(absolute), why),
                     std::move(hint));
    };
    if (target.has_user) throw refuse("which names a user itself", {});
    const bool both_local = io::is_loopback(registry.host) && io::is_loopback(target.host);
    const bool plain_is_fine = both_local && registry.scheme == "http";
    if (target.scheme != "https" && !(plain_is_fine && target.scheme == "http"))
        throw refuse("which is not https", target.scheme == "http" ? plain_location_hint() : std::string());
    if (target.host == registry.host || both_local || is_known_pair(registry, target)) return absolute;
    const std::string authority = authority_of(target);
    if (!with_credential || std::find(trusted.begin(), trusted.end(), authority) != trusted.end()) return absolute;
    throw refuse(fmt::format("but credentials for {} are not sent to {}", registry.host, target.host),
                 fmt::format("if that is this registry's token service, trust it with them, as docker does: export "
                             "WASMX_TRUST_TOKEN_SERVICE={}={}",
                             authority_of(registry), authority));
}

}  // namespace wasmx::registry
