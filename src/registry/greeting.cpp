// SPDX-License-Identifier: Apache-2.0
#include "registry/greeting.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "io/url.hpp"
#include "registry/clock.hpp"
#include "registry/registry.hpp"

namespace wasmx::registry {

namespace {

// Once more where the answer was lost.
io::HttpResponse send_greeting(io::HttpClient& http, const std::string& origin) {
    try {
        return http.send(greeting_request(origin));
    } catch (const io::TransportError& error) {
        if (error.kind() != io::TransportError::Kind::broken) throw;
        return http.send(greeting_request(origin));
    }
}

// What is answered to a plain request; nullopt when the port hangs up, as many do that want TLS.
std::optional<int> plain_answer(io::HttpClient& http, const std::string& origin) {
    try {
        return send_greeting(http, origin).status;
    } catch (const io::TransportError& error) {
        using Kind = io::TransportError::Kind;
        if (error.kind() == Kind::connect || error.kind() == Kind::resolve) throw;
        return std::nullopt;
    }
}

bool is_answer_of_registry(int status) { return status == 200 || status == 401 || status == 403; }

// A Date is cut to the second, so half a second is added; it was written somewhere between question and answer.
std::optional<milliseconds> ahead_of(const io::HttpResponse& response, TimePoint asked, TimePoint answered) {
    const auto header = response.find_header("Date");
    const auto date = header ? parse_http_date(trim(*header)) : std::nullopt;
    if (!date) return std::nullopt;
    const TimePoint here = asked + (answered - asked) / 2;
    return std::chrono::duration_cast<milliseconds>(here - *date) - milliseconds(500);
}

}  // namespace

io::HttpRequest greeting_request(const std::string& origin) {
    io::HttpRequest request;
    request.url = origin + "/v2/";
    request.connect_limit = std::chrono::seconds(5);
    request.idle_limit = std::chrono::seconds(10);
    request.total_limit = small_answer_limit;
    return request;
}

std::string find_origin(io::HttpClient& http, const std::string& registry) {
    if (registry == "docker.io") return "https://registry-1.docker.io";
    std::string secure = "https://" + registry;
    if (!io::is_loopback(io::Url::parse(secure).host)) return secure;
    // Nobody listens in between, and nothing secret is said; to begin with TLS would first read all certificates.
    std::string plain = "http://" + registry;
    const auto answer = plain_answer(http, plain);
    if (answer && is_answer_of_registry(*answer)) return plain;
    try {
        (void)http.send(greeting_request(secure));
        return secure;
    } catch (const io::TransportError&) {
        // 400 is what ports that want TLS say; whatever else speaks HTTP here is no registry, and will say so.
        if (!answer || *answer == 400) throw;
        return plain;
    }
}

Greeting greet(io::HttpClient& http, const std::string& registry) {
    Greeting out;
    out.origin = find_origin(http, registry);
    const TimePoint asked = system_clock().now();
    const io::HttpResponse response = send_greeting(http, out.origin);
    out.status = response.status;
    out.clock_ahead = ahead_of(response, asked, system_clock().now());
    const bool is_page =
        out.status == 200 && lower(response.find_header("Content-Type").value_or("")).starts_with("text/html");
    if (is_page || !is_answer_of_registry(out.status))
        throw Error(Fault::unavailable, fmt::format("{}/v2/ answers {}, as no registry does", out.origin, out.status),
                    out.status >= 500 ? "the registry is overloaded or down; try again later"
                                      : "is that the host of a registry?");
    return out;
}

}  // namespace wasmx::registry
