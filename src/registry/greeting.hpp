// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "io/http.hpp"

namespace wasmx::registry {

/// How a registry answers GET /v2/ without credentials. (distribution-spec, "Determining Support")
struct Greeting {
    std::string origin;  ///< "https://ghcr.io"
    int status = 0;      ///< 200: open to everybody; 401 or 403: it wants to know who asks
    /// How far this machine's clock is ahead of the registry's (its Date header has whole seconds).
    std::optional<std::chrono::milliseconds> clock_ahead;
};

/// GET /v2/, without credentials.
io::HttpRequest greeting_request(const std::string& origin);

/// Asks once. Nobody there is a TransportError; an answer that no registry gives is Fault::unavailable.
Greeting greet(io::HttpClient& http, const std::string& registry);

/// Where the API of a registry is: https, but for one on this machine, which may be a plain one; that is found out
/// without credentials.
std::string find_origin(io::HttpClient& http, const std::string& registry);

}  // namespace wasmx::registry
