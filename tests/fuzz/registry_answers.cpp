// SPDX-License-Identifier: Apache-2.0
// What a registry, a token service, or who speaks in their place, answers. The first byte chooses what the rest is: a
// header, a body, or several lines of them.
#include <algorithm>
#include <cstdlib>

#include "base/text.hpp"
#include "registry/challenge.hpp"
#include "registry/download.hpp"
#include "registry/error.hpp"
#include "registry/fake_clock.hpp"
#include "registry/retry.hpp"
#include "registry/session.hpp"
#include "registry/token.hpp"
#include "registry/upload.hpp"

using namespace wasmx;
using namespace wasmx::registry;

namespace {

const TimePoint now = FakeClock().now();
const std::string ghcr = "https://ghcr.io";

void require(bool holds) {
    if (!holds) std::abort();
}

// What may stand in a request line, a header or a message.
bool is_clean(std::string_view text) {
    return std::none_of(text.begin(), text.end(),
                        [](char c) { return (static_cast<unsigned char>(c) < 0x20) || c == '\x7f'; });
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> out;
    for (const auto line : split(text, '\n')) out.emplace_back(line);
    return out;
}

template <class Work>
void refusing(Work&& work) {
    try {
        work();
    } catch (const Error& error) {
        require(error.fault() == Fault::denied || error.fault() == Fault::unavailable);
    }
}

void challenges(const std::string& text) {
    const auto found = parse_challenges(lines_of(text));
    for (const Challenge& challenge : found) {
        require(!challenge.scheme.empty() && challenge.scheme == lower(challenge.scheme));
        for (const auto& [name, value] : challenge.parameters) require(!name.empty() && name == lower(name));
    }
    const Challenge* chosen = choose_challenge(found);
    if (chosen == nullptr) return;
    require(chosen->scheme == "bearer" || chosen->scheme == "basic");
    for (const bool with_credential : {true, false}) {
        refusing([&] {
            const std::string realm =
                checked_realm(ghcr, ghcr + "/v2/kong/x/manifests/1", chosen->parameter("realm"), with_credential);
            const io::Url url = io::Url::parse(realm);
            require(url.scheme == "https" && !url.has_user && (!with_credential || url.host == "ghcr.io"));
            const auto asked = token_get({realm, chosen->parameter("service"), {chosen->parameter("scope")}}, nullptr);
            require(is_clean(asked.url) && io::Url::parse(asked.url).same_origin(url));
        });
    }
}

void token(const std::string& text) {
    refusing([&] {
        const Token token = parse_token_reply(text, now);
        const std::string_view value = token.value.reveal();
        require(!value.empty() && std::all_of(value.begin(), value.end(), [](char c) { return c >= '!' && c <= '~'; }));
        require(token.expires > now && token.expires <= now + std::chrono::hours(24));
        require(token.renew_at <= token.expires && token.renew_at >= now - std::chrono::hours(24));
        require(token.renew_long_at <= token.renew_at);
        const auto posted = token_post({ghcr + "/token", "s", {"repository:kong/x:pull"}}, token.refresh_token);
        require(is_clean(io::read_all(*posted.body->open(), 1 << 20)));
    });
}

// With a Retry-After in the first line.
void error_body(const std::string& text) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string body = text.substr(std::min(end + 1, text.size()));
    for (const int status : {400, 401, 403, 404, 416, 429, 503}) {
        for (const bool foreign : {false, true}) {
            io::HttpResponse response;
            response.status = status;
            response.headers.push_back({"Retry-After", text.substr(0, end)});
            response.headers.push_back({"X-Request-Id", text.substr(0, end)});
            response.body = io::from_string(body);
            const Circumstances circumstances{.registry = "ghcr.io",
                                              .repository = "kong/x",
                                              .access = Access::pull,
                                              .origin = "/c.json",
                                              .stale = false,
                                              .foreign = foreign};
            const std::string url = "https://ghcr.io/v2/kong/x/blobs/uploads/1?_state=secret";
            const Refused refused = refusal("PUT", url, response, circumstances, now);
            require(is_clean(refused.message()) && refused.message().size() < 2000);
            if (foreign) require(refused.message().size() < 100);
            if (const auto wait = refused.asked_wait()) require(wait->count() >= 0);
            if (const auto advice = retry_advice(refused)) {
                const auto delay = retry_delay(advice->attempts, advice->at_least, 1);
                require(delay.count() > 0 && delay <= std::chrono::minutes(6));
            }
        }
    }
}

void times(const std::string& text) {
    const auto earliest = std::chrono::sys_days(std::chrono::year(1969) / 12 / 25);
    const auto latest = std::chrono::sys_days(std::chrono::year(2201) / 1 / 8);
    for (const auto time : {parse_http_date(text), parse_timestamp(text)})
        if (time) require(*time > earliest && *time < latest);
    if (const auto duration = parse_go_duration(text))
        require(duration->count() >= 0 && duration->count() <= 1'000'000'000'000);
}

void location(const std::string& text) {
    io::HttpClient http({}, "fuzz");
    Session session(http, oci::Reference::parse("ghcr.io/kong/x"), {});
    const std::string asked = "https://ghcr.io/v2/kong/x/blobs/uploads/";
    refusing([&] {
        const std::string target = located(asked, text);
        const bool is_home = session.is_home(target);
        const io::Url url = io::Url::parse(target);
        require(url.scheme == "https" && is_clean(target));
        require(is_home == (url.host == "ghcr.io" && url.port == 443));
        const Digest digest = io::sha256("x");
        const std::string commit = commit_url(target, digest);
        require(commit.ends_with("digest=" + digest.str()) && commit.find('#') == std::string::npos);
        require(io::Url::parse(commit).same_origin(url));
    });
    refusing([&] { require(io::resolve_url(asked, text).find("://") != std::string::npos); });
}

void ranges(const std::string& text) {
    (void)find_part(text);
    if (const auto received = received_of(text)) require(*received > 0);
}

void scopes(const std::string& text) {
    const auto once = merged_scopes(lines_of(text));
    require(merged_scopes(once) == once);
}

void host(const std::string& text) {
    const auto said = io::scope_of_host(text);
    if (said) require(!io::may_lead_to(io::AddressScope::global, *said) || *said == io::AddressScope::global);
    if (io::is_loopback(text) && !text.starts_with('[')) require(said == io::AddressScope::loopback);
    // As curl takes it, whatever the spelling.
    refusing([&] {
        const io::Url url = io::Url::parse("https://" + text + "/");
        const auto scope = io::scope_of_host(url.host);
        if (url.host.starts_with("127.") && scope)
            require(*scope == io::AddressScope::loopback || *scope == io::AddressScope::none);
    });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    constexpr void (*parsers[])(const std::string&) = {challenges, token,  error_body, times,
                                                       location,   ranges, scopes,     host};
    const std::string rest(reinterpret_cast<const char*>(data + 1), size - 1);
    parsers[data[0] % std::size(parsers)](rest);
    return 0;
}
