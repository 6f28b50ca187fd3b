// SPDX-License-Identifier: Apache-2.0
#include "registry/greeting.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "io/url.hpp"
#include "registry/clock.hpp"

namespace wasmx::registry {

namespace {

io::HttpRequest greeting(const std::string& origin) {
    io::HttpRequest request;
    request.url = origin + "/v2/";
    request.connect_limit = std::chrono::seconds(5);
    request.idle_limit = std::chrono::seconds(10);
    return request;
}

// A port that wants TLS answers 400 to a plain request, or hangs up.
bool speaks_plain_http(io::HttpClient& http, const std::string& origin) {
    try {
        return http.send(greeting(origin)).status != 400;
    } catch (const io::TransportError& error) {
        using Kind = io::TransportError::Kind;
        if (error.kind() == Kind::connect || error.kind() == Kind::resolve) throw;
        return false;
    }
}

// A Date is cut to the second, so half a second is added; it was written somewhere between question and answer.
std::optional<milliseconds> ahead_of(const io::HttpResponse& response, TimePoint asked, TimePoint answered) {
    const auto header = response.find_header("Date");
    const auto date = header ? parse_http_date(trim(*header)) : std::nullopt;
    if (!date) return std::nullopt;
    const TimePoint here = asked + (answered - asked) / 2;
    return std::chrono::duration_cast<milliseconds>(here - *date) - milliseconds(500);
}

}  // namespace

std::string find_origin(io::HttpClient& http, const std::string& registry) {
    if (registry == "docker.io") return "https://registry-1.docker.io";
    std::string secure = "https://" + registry;
    if (!io::is_loopback(io::Url::parse(secure).host)) return secure;
    // Nobody listens in between, and nothing secret is said; to begin with TLS would first read all certificates.
    std::string plain = "http://" + registry;
    if (speaks_plain_http(http, plain)) return plain;
    (void)http.send(greeting(secure));
    return secure;
}

Greeting greet(io::HttpClient& http, const std::string& registry) {
    Greeting out;
    out.origin = find_origin(http, registry);
    const TimePoint asked = system_clock().now();
    const io::HttpResponse response = http.send(greeting(out.origin));
    out.status = response.status;
    out.clock_ahead = ahead_of(response, asked, system_clock().now());
    if (out.status != 200 && out.status != 401 && out.status != 403)
        throw Error(Fault::unavailable, fmt::format("{}/v2/ answers {}, as no registry does", out.origin, out.status),
                    out.status >= 500 ? "the registry is overloaded or down; try again later"
                                      : "is that the host of a registry?");
    return out;
}

}  // namespace wasmx::registry
