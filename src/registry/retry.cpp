// SPDX-License-Identifier: Apache-2.0
#include "registry/retry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "base/text.hpp"
#include "io/http.hpp"
#include "registry/error.hpp"

namespace wasmx::registry {

namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr int usual_attempts = 4;
// A registry that restarts, or a network that changes: some two minutes.
constexpr int attempts_to_reach_again = 7;
constexpr milliseconds told_from = seconds(5);
constexpr milliseconds longest_backoff = seconds(30);
// Whoever asks for more patience than this is better told to people.
constexpr milliseconds longest_asked_wait = minutes(5);

RetryAdvice advice(int attempts, std::optional<milliseconds> at_least = std::nullopt) {
    return {.attempts = attempts, .at_least = at_least.value_or(milliseconds(0))};
}

std::optional<RetryAdvice> advice_on(const Refused& refused) {
    const auto asked = refused.asked_wait();
    if (asked && *asked > longest_asked_wait) return std::nullopt;
    if (refused.has_code("DIGEST_INVALID")) return advice(2);  // damaged on the way, or else by us
    // The registry has not seen yet what it has just taken.
    if (refused.has_code("MANIFEST_BLOB_UNKNOWN")) return advice(usual_attempts, asked);
    switch (refused.status()) {
        case 408:
        case 429:
        case 499:  // nginx: the client went away; ghcr.io says it when its own backend did
        case 500:
        case 502:
        case 503:
        case 504:
        case 522: return advice(usual_attempts, asked);
        case 403:
            if (refused.message().find("secondary rate limit") != std::string::npos)
                return advice(usual_attempts, std::max<milliseconds>(asked.value_or(minutes(1)), minutes(1)));
            if (refused.is_foreign()) return advice(2);  // the redirect expired: the registry gives a new one
            return std::nullopt;
        case 416: return advice(usual_attempts);  // only uploads have ranges, and an upload asks how far it is
        case 404:
            // The upload session went away; a new one may stay.
            if (refused.has_code("BLOB_UPLOAD_UNKNOWN") || refused.has_code("BLOB_UPLOAD_INVALID"))
                return advice(usual_attempts);
            return std::nullopt;
        default: return std::nullopt;
    }
}

std::optional<RetryAdvice> advice_on(const io::TransportError& error, Contact contact) {
    using Kind = io::TransportError::Kind;
    switch (error.kind()) {
        case Kind::tls: return std::nullopt;  // a certificate does not get better
        case Kind::resolve:
        case Kind::connect:
            // At first mostly a wrong name or no network: say so soon.
            return advice(contact == Contact::had ? attempts_to_reach_again : 3);
        default: return advice(usual_attempts);
    }
}

// One answer can be lost by anybody; what takes long is left to whoever asks again.
RetryAdvice briefly(RetryAdvice advice, const Error& error) {
    constexpr milliseconds longest = seconds(2);
    const auto* transport = dynamic_cast<const io::TransportError*>(&error);
    const bool is_silent = transport != nullptr && transport->kind() != io::TransportError::Kind::broken;
    if (is_silent || advice.at_least > longest) return {.attempts = 1};
    return {.attempts = 2, .at_least = advice.at_least};
}

double random_jitter() {
    thread_local std::minstd_rand engine{std::random_device{}()};
    return std::uniform_real_distribution<double>(0, 1)(engine);
}

}  // namespace

std::optional<RetryAdvice> retry_advice(const Error& error, Contact contact) {
    if (const auto* refused = dynamic_cast<const Refused*>(&error)) return advice_on(*refused);
    if (const auto* transport = dynamic_cast<const io::TransportError*>(&error)) return advice_on(*transport, contact);
    return std::nullopt;
}

milliseconds retry_delay(int attempt, milliseconds at_least, double jitter) {
    milliseconds delay = seconds(1);
    for (int i = 1; i < attempt && delay < longest_backoff; ++i) delay *= 3;
    delay = std::max(std::min(delay, longest_backoff), at_least);
    return delay + milliseconds(static_cast<milliseconds::rep>(static_cast<double>(delay.count()) * jitter / 5));
}

void wait_or_rethrow(int attempt, const Waiting& waiting) {
    try {
        throw;
    } catch (const Error& error) {
        auto found = retry_advice(error, waiting.contact);
        if (found && waiting.patience == Patience::brief) found = briefly(*found, error);
        if (found && attempt < found->attempts) {
            const milliseconds delay = retry_delay(attempt, found->at_least, random_jitter());
            if (waiting.tell && delay >= told_from)
                waiting.tell(fmt::format("{}; trying again in {}", error.message(),
                                         human_seconds(std::chrono::duration<double>(delay).count())));
            return waiting.clock.wait(delay, waiting.stop);
        }
        if (attempt == 1) throw;
        const std::string message = fmt::format("{} ({} attempts)", error.message(), attempt);
        // The kind stays visible to those who explain it.
        if (const auto* transport = dynamic_cast<const io::TransportError*>(&error))
            throw io::TransportError(transport->kind(), message, error.hint());
        if (const auto* refused = dynamic_cast<const Refused*>(&error)) throw refused->with_message(message);
        throw;
    }
}

}  // namespace wasmx::registry
