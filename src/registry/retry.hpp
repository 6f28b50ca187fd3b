// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "base/error.hpp"
#include "registry/clock.hpp"
#include "registry/registry.hpp"

namespace wasmx::registry {

/// What may mend a failure: asking again, so many times in all, and not sooner than after so long.
struct RetryAdvice {
    int attempts = 0;
    milliseconds at_least{0};
};

/// Whether the other side has ever answered: if so, that it cannot be reached is a passing trouble.
enum class Contact { none, had };

/// nullopt when asking again cannot help.
std::optional<RetryAdvice> retry_advice(const Error& error, Contact contact = Contact::none);

/// The wait after attempt number `attempt` (from 1): 1 s, 3 s, 9 s, … up to half a minute, or longer when the server
/// asked for it; and on top of that up to a fifth, for `jitter` from 0 to 1, so that many clients do not come at once.
milliseconds retry_delay(int attempt, milliseconds at_least, double jitter);

/// How to wait between two attempts.
struct Waiting {
    Clock& clock;
    std::stop_token stop{};
    Contact contact = Contact::none;
    Patience patience = Patience::usual;
    /// Told of waits that are long enough for a person to wonder.
    std::function<void(const std::string&)> tell = nullptr;
};

/// Called after attempt `attempt` failed with the Error that is being handled: waits, and returns for the next attempt;
/// or rethrows, with the number of attempts in the message.
void wait_or_rethrow(int attempt, const Waiting& waiting);

/// Runs `work` until it does not throw, or throws what no retry mends. `work` starts from nothing each time. `waiting`
/// gives the Waiting as it is after a failure.
template <class Work, class HowToWait>
auto with_retries(HowToWait&& waiting, Work&& work) -> decltype(work()) {
    for (int attempt = 1;; ++attempt) {
        try {
            return work();
        } catch (const Error&) {
            wait_or_rethrow(attempt, waiting());
        }
    }
}

}  // namespace wasmx::registry
