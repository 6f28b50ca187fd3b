// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "io/http.hpp"
#include "registry/clock.hpp"
#include "registry/registry.hpp"

namespace wasmx::registry {

/// One of the `errors` of an error body. (distribution-spec, "Error Codes")
struct Complaint {
    std::string code;
    std::string message;
};

/// A registry or token service answered, and the answer was no.
class Refused : public Error {
public:
    Refused(Fault fault, std::string message, std::string hint, int status, std::vector<Complaint> complaints,
            std::optional<milliseconds> asked_wait, bool foreign)
        : Error(fault, std::move(message), std::move(hint)),
          status_(status),
          complaints_(std::move(complaints)),
          asked_wait_(asked_wait),
          foreign_(foreign) {}

    int status() const noexcept { return status_; }
    Refused with_message(std::string message) const {
        return {fault(), std::move(message), hint(), status_, complaints_, asked_wait_, foreign_};
    }
    Refused with_hint(std::string hint) const {
        return {fault(), message(), std::move(hint), status_, complaints_, asked_wait_, foreign_};
    }
    Refused with_code(std::string code) const {
        Refused out = *this;
        out.complaints_.push_back({std::move(code), {}});
        return out;
    }
    bool has_code(std::string_view code) const;
    /// A registry said it, not a proxy before it.
    bool has_any_code() const;
    /// How long it wants us to wait before the next request.
    std::optional<milliseconds> asked_wait() const noexcept { return asked_wait_; }
    /// A storage that the registry redirected to said it.
    bool is_foreign() const noexcept { return foreign_; }

private:
    int status_;
    std::vector<Complaint> complaints_;
    std::optional<milliseconds> asked_wait_;
    bool foreign_;
};

/// Who asked whom for what: with it a refusal becomes advice.
struct Circumstances {
    std::string registry;
    std::string repository;
    Access access = Access::pull;
    std::string origin;     ///< where the credentials came from; empty without any
    bool stale = false;     ///< they were refused, and the request was made without them
    bool foreign = false;   ///< not the registry answered, but a storage that it sent us to
    std::string mend = {};  ///< where more is known than that a login would help
};

/// The complaints in a body: OCI's `errors`, or the lone `message` or `error_description` that GitHub and OAuth use.
std::vector<Complaint> parse_complaints(std::string_view body);

/// Retry-After, in seconds or as a date (RFC 9110, 10.2.3), else ghcr.io's "retry-after: 10.3ms" in the body.
std::optional<milliseconds> asked_wait(const io::HttpResponse& response, std::string_view body, TimePoint now);

/// Reads the response's body and makes the error of it: fault, message with status, codes and request id, and a hint.
Refused refusal(std::string_view method, const std::string& url, io::HttpResponse& response,
                const Circumstances& circumstances, TimePoint now);

/// What a person can do about it; empty when there is nothing to say. `said` is what the server wrote.
std::string hint_for(int status, std::string_view said, const Circumstances& circumstances);

/// How other credentials are given: a command, or what to do with the variable that holds them.
std::string mend_of(const Circumstances& circumstances);

/// "docker login ghcr.io"
std::string login_command(const std::string& registry);

}  // namespace wasmx::registry
