// SPDX-License-Identifier: Apache-2.0
#include "registry/session.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "registry/greeting.hpp"

namespace wasmx::registry {

namespace {

constexpr int most_redirects = 10;
// Bytes a second, on average of a minute or more: a layer that comes more slowly takes weeks.
constexpr std::uint64_t least_rate = 1024;
// What is over is announced, so that a refusal comes before the bytes (RFC 9110, 10.1.1).
constexpr std::uint64_t announced_size = 1 << 20;

bool is_long(const Call& call) { return call.body && call.body->size.value_or(announced_size) >= announced_size; }

// What takes a body along, or does something, goes on only where method and body stay as they are. (RFC 9110, 15.4)
bool is_followed(int status, const std::string& method) {
    if (status == 307 || status == 308) return true;
    return method == "GET" && (status == 301 || status == 302 || status == 303);
}

bool is_refusal(const io::HttpResponse& response, const std::vector<Challenge>& challenges) {
    if (response.status == 401) return true;
    const Challenge* challenge = choose_challenge(challenges);
    return response.status == 403 && challenge != nullptr && challenge->wants_more_scope();  // (RFC 6750, 3.1)
}

// A 403 that means "later": GitHub's limit of how often one may ask. The body can be read once, so it is put back.
bool is_passing(io::HttpResponse& response) {
    constexpr std::uint64_t most_read = std::uint64_t{64} * 1024;
    std::string text;
    try {
        text = io::read_all(*response.body, most_read);
    } catch (const Error& error) {
        if (error.fault() == Fault::interrupted) throw;
        return true;  // nobody knows what it said
    }
    const bool out = text.find("secondary rate limit") != std::string::npos;
    response.body = io::from_string(std::move(text));
    return out;
}

}  // namespace

std::string located(const std::string& request_url, const std::string& whole) {
    const std::string location = whole.substr(0, whole.find('#'));  // what is behind is not sent (RFC 3986, 3.5)
    if (location.starts_with("https://") || location.starts_with("http://")) return location;
    if (location.starts_with('/') && !location.starts_with("//")) {
        const auto authority = request_url.find("://") + 3;
        return request_url.substr(0, request_url.find_first_of("/?#", authority)) + location;
    }
    // "ghcr.io/v2/…" is no path where the host is ours: some registries leave out the scheme.
    const auto authority = request_url.find("://") + 3;
    const auto path = request_url.find_first_of("/?#", authority);
    if (location.starts_with(request_url.substr(authority, path - authority) + "/"))
        return request_url.substr(0, authority) + location;
    return io::resolve_url(request_url, location);
}

Session::Session(io::HttpClient& http, const oci::Reference& name, const Repository::Options& options)
    : http_(http),
      clock_(options.clock != nullptr ? *options.clock : system_clock()),
      registry_(name.registry()),
      repository_(name.repository()),
      patience_(options.patience),
      authenticator_(http, clock_, name, options),
      warn_(options.warn),
      passed_on_(http.stop(), [this] { interrupt(); }) {}

std::stop_token Session::stop() {
    const std::lock_guard lock(stopping_);
    return http_.stop().stop_requested() ? http_.stop() : calls_.get_token();
}

void Session::interrupt() {
    std::stop_source calls;
    {
        const std::lock_guard lock(stopping_);
        calls = calls_;
    }
    calls.request_stop();  // whoever is told may ask for `stop`
}

void Session::resume() {
    const std::lock_guard lock(stopping_);
    if (calls_.stop_requested()) calls_ = std::stop_source();
}

Waiting Session::waiting() {
    return {.clock = clock_,
            .stop = stop(),
            .contact = has_answered_ ? Contact::had : Contact::none,
            .patience = patience_,
            .tell = warn_};
}

const std::string& Session::origin() {
    const std::lock_guard lock(mutex_);
    if (!origin_) origin_ = find_origin(http_, registry_);
    return *origin_;
}

std::string Session::url_of(const std::string& path) { return fmt::format("{}/v2/{}/{}", origin(), repository_, path); }

bool Session::is_home(const std::string& url) {
    const io::Url home = io::Url::parse(origin());
    const io::Url target = io::Url::parse(url);
    const bool is_http = target.scheme == "https" || target.scheme == "http";
    if (!is_http || (home.scheme == "https" && target.scheme != "https"))
        throw Error(Fault::denied, fmt::format("{} sends us to {}, which is not https", origin(), printable_url(url)),
                    target.scheme == "http" ? plain_location_hint() : std::string());
    return home.same_origin(target);
}

// What one call was asked to wait for is asked of all: else each of them runs into the same limit.
void Session::wait_as_asked() {
    if (patience_ == Patience::brief) return;
    const auto left = [this] {
        const std::lock_guard lock(waiting_);
        return std::chrono::ceil<milliseconds>(not_before_ - clock_.now());
    }();
    if (left > milliseconds(0)) clock_.wait(left, stop());
}

io::HttpResponse Session::send_with(const Call& call, const Authorization* authorization) {
    io::HttpRequest request;
    request.method = call.method;
    request.url = call.url;
    request.headers = call.headers;
    request.body = call.body;
    request.idle_limit = patience_ == Patience::brief ? std::min(call.idle_limit, brief_idle_limit) : call.idle_limit;
    request.stop = call.is_cleanup ? http_.stop() : stop();
    request.least_rate = least_rate;
    request.total_limit = call.total_limit;
    request.led_by = call.led_by;
    const bool is_announced = is_long(call) && may_announce_;
    if (is_announced) request.headers.push_back({"Expect", "100-continue"});
    if (authorization != nullptr && !authorization->header.empty())
        request.secret_headers.emplace_back("Authorization", authorization->header);
    io::HttpResponse response = http_.send(request);
    has_answered_ = true;
    if (response.status != 417 || !is_announced) return response;
    may_announce_ = false;  // a proxy of HTTP/1.0: the same without it (RFC 9110, 10.1.1)
    return send_with(call, authorization);
}

Answer Session::send_foreign(const Call& call) {
    Call led = call;
    if (!led.led_by) led.led_by = home().led_by(call.url);
    return {.response = send_with(led, nullptr), .url = call.url, .is_foreign = true};
}

bool Session::is_absent(const Answer& answer) {
    return answer.response.status == 404 && !answer.is_foreign && !authenticator_.circumstances().stale;
}

Answer Session::send_once(const Call& call) {
    if (!is_home(call.url)) return send_foreign(call);
    if (!call.is_cleanup) wait_as_asked();
    Authorization authorization = authenticator_.current(is_long(call) ? Need::long_request : Need::short_request);
    std::optional<Answer> with_login;  // whose refusal says more than that of a request without one
    for (int renewals = 0;;) {
        Answer answer{.response = send_with(call, &authorization), .url = call.url};
        scope_ = answer.response.peer;
        const auto challenges = parse_challenges(answer.response.all_headers("WWW-Authenticate"));
        const int status = answer.response.status;
        std::optional<Authorization> better;
        if (is_refusal(answer.response, challenges)) {
            // What was just got and is refused again is only worth another try when the registry says what it lacks.
            const Challenge* challenge = choose_challenge(challenges);
            const bool wants_more = challenge != nullptr && challenge->wants_more_scope();
            if (renewals == 0 || (renewals == 1 && wants_more)) {
                better = authenticator_.after_refusal(authorization, challenges, home(), call.url);
                if (better) ++renewals;
            }
        } else if (status != 404 && (status != 403 || is_passing(answer.response))) {
            return answer;
        }
        // What is private, many hide from whoever has not logged in.
        if (!better) better = authenticator_.after_silence(authorization, home());
        if (!better) {
            if (with_login) return *std::move(with_login);
            if (status == 404) return answer;
            try {
                better = authenticator_.without_credential(authorization, status);
            } catch (const Refused&) {
                return answer;
            }
            if (!better) return answer;
            with_login = std::move(answer);
        }
        authorization = std::move(*better);
    }
}

Answer Session::send(const Call& call) {
    Call next = call;
    for (int hops = 0; hops <= most_redirects; ++hops) {
        Answer answer = send_once(next);
        const auto location = answer.response.find_header("Location");
        if (!is_followed(answer.response.status, call.method) || !location) return answer;
        const std::string target = located(next.url, *location);
        if (io::Url::parse(next.url).scheme == "https" && io::Url::parse(target).scheme != "https")
            throw Error(
                Fault::denied,
                fmt::format("{} redirects to {}, which is not https", printable_url(next.url), printable_url(target)),
                plain_location_hint());
        next.url = target;
        next.led_by = answer.is_foreign ? std::optional(answer.response.peer) : std::nullopt;
    }
    throw Error(Fault::unavailable, fmt::format("{}: more than {} redirects", printable_url(call.url), most_redirects));
}

Refused Session::refusal(const Call& call, Answer& answer) {
    Circumstances circumstances = authenticator_.circumstances();
    circumstances.foreign = answer.is_foreign;
    Refused out = registry::refusal(call.method, answer.url, answer.response, circumstances, clock_.now());
    const auto advice = retry_advice(out);
    if (advice && advice->at_least > milliseconds(0) && !answer.is_foreign) {
        const std::lock_guard lock(waiting_);
        not_before_ = std::max(not_before_, clock_.now() + advice->at_least);
    }
    return out;
}

}  // namespace wasmx::registry
