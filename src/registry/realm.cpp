// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

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

}  // namespace

std::string checked_realm(const std::string& registry_url, const std::string& request_url, const std::string& realm,
                          bool with_credential) {
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
    if (target.scheme != "https" && !(plain_is_fine && target.scheme == "http")) throw refuse("which is not https", {});
    if (target.host == registry.host || both_local || is_known_pair(registry, target)) return absolute;
    if (!with_credential) return absolute;
    throw refuse(fmt::format("but credentials for {} are not sent to {}", registry.host, target.host),
                 "a registry whose token service is on another host is not supported with credentials");
}

}  // namespace wasmx::registry
