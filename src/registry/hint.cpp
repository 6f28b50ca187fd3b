// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <array>

#include "base/text.hpp"
#include "registry/error.hpp"

namespace wasmx::registry {

namespace {

/// What a registry writes, and what it means. `words` is matched in lower case; {0} in the advice is the repository,
/// {1} the command to log in with, {2} where the credentials came from.
struct Known {
    std::string_view words;
    std::string_view advice;
};

// ghcr.io's texts say that something was refused, never what is missing. The more special ones stand first.
constexpr std::array known{
    Known{"not allowed to create organization package",
          "the job's token may not create packages: give the job `permissions: packages: write`, and let the "
          "organisation "
          "allow workflows to create packages"},
    Known{"installation not allowed to",
          "the job's token may not write packages: give the job `permissions: packages: write`"},
    Known{"permission_denied: write_package",
          "{0} exists and is not linked to the repository of this job: open the package's settings, \"Manage Actions "
          "access\", and add the repository with the role Write"},
    Known{"does not match expected scopes",
          "the token in {2} lacks a scope: make a classic token with write:packages, then `{1}`"},
    Known{"organization saml enforcement",
          "the token in {2} is not authorised for the organisation: \"Configure SSO\" beside it in GitHub's settings"},
    Known{
        "user cannot be authenticated with the token",
        "the token in {2} is expired, revoked, or of a kind that ghcr.io does not take (fine-grained): make a classic "
        "token with write:packages, then `{1}`"},
    Known{"secondary rate limit", "GitHub asks for a pause of some minutes; then run the same command again"},
    Known{"toomanyrequests",
          "the registry limits how often it is asked: wait a minute, then run the same command again"},
    Known{"no required ssl certificate",
          "the server wants a client certificate: put it into /etc/docker/certs.d/HOST:PORT/client.cert, and its key "
          "beside it into client.key"},
    Known{"egress is over the account limit",
          "the storage behind the registry is over its limit; run the same command again in some minutes"},
};

std::string advice_of(const Known& entry, const Circumstances& c) {
    const std::string origin = c.origin.empty() ? "use" : c.origin;
    return fmt::format(fmt::runtime(entry.advice), c.registry + "/" + c.repository, mend_of(c), origin);
}

std::string denied_hint(const Circumstances& c) {
    const std::string name = c.registry + "/" + c.repository;
    if (c.access == Access::push) {
        if (c.origin.empty()) return fmt::format("log in with an account that may push to {}: {}", name, mend_of(c));
        return fmt::format("the credentials from {} may not push to {}, or are wrong or expired: {}", c.origin, name,
                           mend_of(c));
    }
    if (c.stale)
        return fmt::format("{} is private or does not exist, and the credentials from {} were refused: {}", name,
                           c.origin, mend_of(c));
    if (c.origin.empty()) return fmt::format("{} is private or does not exist; if it is private: {}", name, mend_of(c));
    return fmt::format("the credentials from {} may not pull {}, or it does not exist: {}", c.origin, name, mend_of(c));
}

}  // namespace

std::string login_command(const std::string& registry) { return "docker login " + shell_quoted(registry); }

std::string mend_of(const Circumstances& c) {
    if (!c.mend.empty()) return c.mend;
    // What a variable says comes before every login.
    return c.origin.starts_with('$') ? "set " + c.origin + " anew" : login_command(c.registry);
}

std::string hint_for(int status, std::string_view said, const Circumstances& circumstances) {
    const std::string text = lower(said);
    for (const Known& entry : known)
        if (text.find(entry.words) != std::string::npos) return advice_of(entry, circumstances);
    if (circumstances.foreign)
        return fmt::format("the storage behind {} refused it, not the registry: run the same command again",
                           circumstances.registry);
    switch (status) {
        case 401:
        case 403: return denied_hint(circumstances);
        case 404:
            if (circumstances.stale) return denied_hint(circumstances);
            return fmt::format(
                "is {}/{} spelt right? Some registries want a repository to be made before it is pushed to",
                circumstances.registry, circumstances.repository);
        case 301:
        case 302:
        case 303:
        case 307:
        case 308:
            return "a redirect that may not be followed: it leads to another host, or would not take the request "
                   "along. "
                   "Is that the registry's address?";
        case 413:
            return "the registry, or a proxy before it (nginx: client_max_body_size), takes no upload of this size";
        case 429: return "the registry limits how often it is asked: wait a minute, then run the same command again";
        default: break;
    }
    if (status < 500) return {};
    if (circumstances.access == Access::push)
        return "the registry is overloaded or down; running the same command again continues from the layers that "
               "arrived";
    return "the registry is overloaded or down; run the same command again later";
}

}  // namespace wasmx::registry
