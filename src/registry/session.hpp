// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "io/http.hpp"
#include "registry/authenticator.hpp"
#include "registry/clock.hpp"
#include "registry/error.hpp"
#include "registry/registry.hpp"
#include "registry/retry.hpp"

namespace wasmx::registry {

/// The longest silence that a brief question bears.
inline constexpr std::chrono::seconds brief_idle_limit{10};

/// A request to a registry, or to where it sent us.
struct Call {
    std::string method = "GET";
    std::string url;
    std::vector<io::HttpHeader> headers;
    std::optional<io::Body> body;
    std::chrono::seconds idle_limit{60};
    std::chrono::seconds total_limit{0};
    /// Where whoever redirected us here is, when it was not the registry.
    std::optional<io::AddressScope> led_by = std::nullopt;
    bool is_cleanup = false;  ///< is not ended by Session::interrupt
};

/// An answer, and who gave it in the end.
struct Answer {
    io::HttpResponse response;
    std::string url;
    bool is_foreign = false;  ///< it came from another origin than the registry's
};

/// The absolute URL of a Location, otherwise byte for byte: it may carry state that must not be re-encoded.
std::string located(const std::string& request_url, const std::string& location);

/// Sends requests to the registry of one repository: knows its address, authorises what goes there and nothing else.
class Session {
public:
    Session(io::HttpClient& http, const oci::Reference& name, const Repository::Options& options);

    /// The URL of something in the repository: "manifests/1.0". May ask the registry whether it speaks https.
    std::string url_of(const std::string& path);
    /// One request; a second one when the authorisation had to be got or renewed, or the announcement of a body is not
    /// understood. Any status is a value.
    Answer send_once(const Call& call);
    /// The same, following redirects by hand, as proxies and storages answer with: Authorization stays at home, https
    /// stays https.
    Answer send(const Call& call);
    /// Whether a URL that the registry gave us leads back to it. Throws when it would leave https.
    bool is_home(const std::string& url);
    /// Whether an answer says that the registry does not have what was asked for. Nothing is absent to a request whose
    /// login was refused, or because a storage says so.
    bool is_absent(const Answer& answer);
    /// The error of an answer that was not hoped for; reads its body.
    Refused refusal(const Call& call, Answer& answer);

    /// Wanted as well from the next token on, as far as one may have it.
    void add_scope(const std::string& scope) { authenticator_.add_scope(scope); }

    Patience patience() const noexcept { return patience_; }
    Clock& clock() noexcept { return clock_; }
    /// Of all calls and waits until `resume`.
    std::stop_token stop();
    /// Ends the calls, and the waits between them, that are under way or begin before `resume`, with
    /// Fault::interrupted.
    void interrupt();
    void resume();
    /// How to wait after a failure.
    Waiting waiting();

private:
    const std::string& origin();
    Home home() { return {origin(), scope_}; }
    void wait_as_asked();
    Answer send_foreign(const Call& call);
    io::HttpResponse send_with(const Call& call, const Authorization* authorization);

    io::HttpClient& http_;
    Clock& clock_;
    const std::string registry_;
    const std::string repository_;
    const Patience patience_;
    Authenticator authenticator_;
    std::mutex mutex_;
    std::optional<std::string> origin_;  // "https://ghcr.io"
    const std::function<void(const std::string&)> warn_;
    std::atomic<bool> has_answered_ = false;
    std::atomic<bool> may_announce_ = true;                           // that a body comes
    std::atomic<io::AddressScope> scope_ = io::AddressScope::global;  // of the registry, once it has answered
    std::mutex waiting_;
    TimePoint not_before_;  // the registry has asked for a pause until then
    std::mutex stopping_;
    std::stop_source calls_;
    std::stop_callback<std::function<void()>> passed_on_;
};

}  // namespace wasmx::registry
