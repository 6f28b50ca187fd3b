// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string_view>

namespace wasmx::registry {

using TimePoint = std::chrono::system_clock::time_point;
using std::chrono::milliseconds;

/// What time it is, and waiting; tests have their own.
class Clock {
public:
    Clock() = default;
    Clock(const Clock&) = delete;
    Clock& operator=(const Clock&) = delete;
    virtual ~Clock() = default;
    virtual TimePoint now() const = 0;
    /// Throws Fault::interrupted as soon as a stop is requested.
    virtual void wait(milliseconds duration, const std::stop_token& stop) = 0;
};

/// The machine's.
Clock& system_clock();

/// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7: the one form that is still sent), from 1970 to 2200.
std::optional<TimePoint> parse_http_date(std::string_view text);
/// "2026-01-02T03:04:05.678Z", with Z or an offset (RFC 3339, 5.6), to the second; from 1970 to 2200.
std::optional<TimePoint> parse_timestamp(std::string_view text);
/// "1m2.5s", "10.305464ms": a duration as Go prints it (time.Duration.String), rounded up to the millisecond.
std::optional<milliseconds> parse_go_duration(std::string_view text);

}  // namespace wasmx::registry
