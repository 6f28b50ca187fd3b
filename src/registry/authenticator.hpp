// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "io/http.hpp"
#include "registry/challenge.hpp"
#include "registry/clock.hpp"
#include "registry/error.hpp"
#include "registry/registry.hpp"
#include "registry/token.hpp"

namespace wasmx::registry {

/// What one request was sent with.
struct Authorization {
    Secret header;                 ///< empty: nothing
    std::uint64_t generation = 0;  ///< tells whether there is something newer by now
};

/// The registry that is spoken to.
struct Home {
    std::string url;                                    ///< "https://ghcr.io"
    io::AddressScope scope = io::AddressScope::global;  ///< of whoever answers there

    /// Who leads us to a URL that it names, for HttpRequest::led_by. Its own host is where we are already.
    std::optional<io::AddressScope> led_by(const std::string& target) const;
};

/// How long a request takes: the token has to last until the registry has looked at it, and some look at the end.
enum class Need { short_request, long_request };

/// Keeps what a repository's requests are authorised with: learns how from the first refusal, gets tokens, renews them
/// before they expire. One for all workers; while one of them gets a token the others wait for it.
class Authenticator {
public:
    Authenticator(io::HttpClient& http, Clock& clock, const oci::Reference& name, const Repository::Options& options);

    /// For the next request to the registry.
    Authorization current(Need need);
    /// For the same request again, after the registry refused it; nullopt when there is nothing better. Throws
    /// Fault::denied, when there can be nothing better, with the reason.
    std::optional<Authorization> after_refusal(const Authorization& refused, const std::vector<Challenge>& challenges,
                                               const Home& home, const std::string& request_url);
    /// For the same request again, where it was `sent` with nothing and refused, or told that there is nothing, without
    /// a word on how to log in: GET /v2/ says that. nullopt when no more is known than before, or there is no login.
    std::optional<Authorization> after_silence(const Authorization& sent, const Home& home);

    /// For the same request again, without the credential that `refused` came from: what everybody may read must not be
    /// hidden by a login that is not good enough. nullopt when there was none, and for a push.
    std::optional<Authorization> without_credential(const Authorization& refused, int status);

    /// Asks for `scope` too from now on, where the token service does not refuse all for it.
    void add_scope(const std::string& scope);

    /// As things stand now.
    Circumstances circumstances();

private:
    enum class Scheme { unknown, basic, bearer };

    Authorization now_held() const { return {.header = header_, .generation = generation_}; }
    Circumstances describe() const;
    void look_up();
    bool may_have_credential();
    void hold(Secret header);
    std::optional<Authorization> answer(const Authorization& refused, const Challenge& challenge, const Home& home,
                                        const std::string& request_url);
    bool answer_basic(const Authorization& refused);
    bool answer_bearer(const Authorization& refused, const Challenge& challenge, const Home& home,
                       const std::string& request_url);
    bool widen_scope(const std::string& wanted);
    std::vector<std::string> all_scopes() const;
    void renew(Need need);
    void pass_over_credential(std::string_view why);
    void get_token();
    Token exchange_for_most();
    std::string place_for_token();
    Token exchange(const std::vector<std::string>& scopes);
    Token ask(io::HttpRequest request);
    bool may_go_without(const Refused& refused) const;

    io::HttpClient& http_;
    Clock& clock_;
    const std::string registry_;
    const std::string repository_;
    const Repository::Options options_;

    std::mutex mutex_;
    Scheme scheme_ = Scheme::unknown;
    bool looked_up_ = false;
    std::optional<credentials::Credential> credential_;
    std::string origin_;  // stays when the credential is passed over
    bool stale_ = false;
    std::string mend_;
    const std::string needed_scope_;
    std::vector<std::string> further_scopes_;  // what can be done without
    std::vector<std::string> refused_scopes_;
    bool has_asked_how_ = false;
    Home home_;
    std::string request_url_;
    std::string realm_;  // as the challenge gave it
    std::string service_;
    Secret header_;
    std::uint64_t generation_ = 0;
    std::optional<Token> token_;  // nullopt: what is held does not expire
};

}  // namespace wasmx::registry
