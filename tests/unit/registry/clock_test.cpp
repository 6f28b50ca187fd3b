// SPDX-License-Identifier: Apache-2.0
#include "registry/clock.hpp"

#include <doctest/doctest.h>

#include <string>

#include "base/error.hpp"

namespace wasmx::registry {

TEST_SUITE_BEGIN("registry");

namespace {

std::optional<long> seconds_since_epoch(std::optional<TimePoint> time) {
    if (!time) return std::nullopt;
    return std::chrono::duration_cast<std::chrono::seconds>(time->time_since_epoch()).count();
}

}  // namespace

TEST_CASE("dates of HTTP") {
    CHECK(seconds_since_epoch(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT")) == 784111777);
    CHECK(seconds_since_epoch(parse_http_date("Thu, 29 Feb 2024 00:00:00 GMT")) == 1709164800);
    for (const std::string text :
         {"", "120", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 31 Feb 1994 08:49:37 GMT",
          "Sun, 06 Nov 1994 08:49:37 GMT ", "Sun, 6 Nov 1994"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_http_date(text));
    }
}

TEST_CASE("dates that a clock of nanoseconds cannot have are none") {
    for (const std::string year : {"0000", "0001", "1600", "1969", "2201", "2262", "2263", "9999"}) {
        CAPTURE(year);
        CHECK_FALSE(parse_http_date("Thu, 29 Jan " + year + " 00:00:00 GMT"));
        CHECK_FALSE(parse_timestamp(year + "-01-29T00:00:00Z"));
    }
    CHECK(seconds_since_epoch(parse_http_date("Thu, 01 Jan 1970 00:00:00 GMT")) == 0);
    CHECK(seconds_since_epoch(parse_http_date("Wed, 31 Dec 2200 23:59:60 GMT")) == 7289654400);
    CHECK(seconds_since_epoch(parse_timestamp("2200-12-31T23:59:59-99:59")) == 7290014339);
    CHECK(seconds_since_epoch(parse_timestamp("1970-01-01T00:00:00+99:99")) == -362340);
}

TEST_CASE("timestamps") {
    CHECK(seconds_since_epoch(parse_timestamp("2026-01-02T03:04:05Z")) == 1767323045);
    CHECK(seconds_since_epoch(parse_timestamp("2026-01-02T03:04:05.987654321Z")) == 1767323045);
    CHECK(seconds_since_epoch(parse_timestamp("2026-01-02T05:04:05+02:00")) == 1767323045);
    CHECK(seconds_since_epoch(parse_timestamp("2026-01-01T21:34:05-05:30")) == 1767323045);
    CHECK(seconds_since_epoch(parse_timestamp("2026-01-02t03:04:05z")) == 1767323045);
    for (const std::string text : {"", "2026-01-02", "2026-01-02T03:04:05", "2026-13-02T03:04:05Z",
                                   "2026-01-02T24:04:05Z", "2026-01-02T03:04:05Zx", "0001-01-01T00:00:00+"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_timestamp(text));
    }
}

TEST_CASE("durations of Go") {
    struct Row {
        std::string text;
        std::optional<long> milliseconds;
    };
    for (const auto& [text, expected] : {Row{"10.305464ms", 11},
                                         Row{"2s", 2000},
                                         Row{"1m2.5s", 62500},
                                         Row{"1h0m0s", 3600000},
                                         Row{"350µs", 1},
                                         Row{"350\xce\xbcs", 1},
                                         Row{"17ns", 1},
                                         Row{"0s", 0},
                                         Row{"", {}},
                                         Row{"5", {}},
                                         Row{"s", {}},
                                         Row{"-1s", {}},
                                         Row{"inf", {}},
                                         Row{"nans", {}},
                                         Row{"1s!", {}},
                                         Row{"1e3s", {}},
                                         Row{"99999999999h", {}},
                                         Row{"277777h", 999997200000},
                                         Row{"277778h", {}},
                                         Row{"200000h200000h", {}},
                                         Row{std::string(400, '9') + "s", {}},
                                         Row{"0." + std::string(400, '9') + "s", 1000},
                                         Row{"1.2.3s", {}},
                                         Row{".s", {}},
                                         Row{"1m", 60000}}) {
        CAPTURE(text);
        const auto parsed = parse_go_duration(text);
        CHECK(parsed.has_value() == expected.has_value());
        if (parsed && expected) CHECK(parsed->count() == *expected);
    }
}

TEST_CASE("a wait ends with the stop") {
    std::stop_source stop;
    stop.request_stop();
    const auto began = std::chrono::steady_clock::now();
    CHECK_THROWS_AS(system_clock().wait(std::chrono::minutes(5), stop.get_token()), Error);
    CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(5));
}

TEST_SUITE_END();

}  // namespace wasmx::registry
