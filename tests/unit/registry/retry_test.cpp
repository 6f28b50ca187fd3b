// SPDX-License-Identifier: Apache-2.0
#include "registry/retry.hpp"

#include <doctest/doctest.h>

#include "io/http.hpp"
#include "registry/error.hpp"
#include "registry/fake_clock.hpp"

namespace wasmx::registry {

TEST_SUITE_BEGIN("registry");

namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using Kind = io::TransportError::Kind;

Refused refused(int status, std::string code = {}, std::optional<milliseconds> wait = {}, bool foreign = false) {
    return {
        Fault::unavailable, "GET x: " + std::to_string(status), "hint", status, {{std::move(code), ""}}, wait, foreign};
}

int attempts(const Error& error) {
    const auto advice = retry_advice(error);
    return advice ? advice->attempts : 0;
}

auto patiently(Clock& clock) {
    return [&clock] { return Waiting{.clock = clock}; };
}

}  // namespace

TEST_CASE("delays") {
    struct Row {
        int attempt;
        milliseconds at_least;
        double jitter;
        milliseconds expected;
    };
    for (const Row& row :
         {Row{1, seconds(0), 0, seconds(1)}, Row{2, seconds(0), 0, seconds(3)}, Row{3, seconds(0), 0, seconds(9)},
          Row{4, seconds(0), 0, seconds(27)}, Row{5, seconds(0), 0, seconds(30)}, Row{1000, seconds(0), 0, seconds(30)},
          Row{1, seconds(0), 1, milliseconds(1200)}, Row{2, seconds(0), 0.5, milliseconds(3300)},
          Row{1, milliseconds(11), 0, seconds(1)}, Row{1, seconds(20), 0, seconds(20)},
          Row{3, seconds(20), 1, seconds(24)}, Row{5, minutes(2), 0, minutes(2)}}) {
        CAPTURE(row.attempt);
        CAPTURE(row.at_least.count());
        CHECK(retry_delay(row.attempt, row.at_least, row.jitter).count() == row.expected.count());
    }
}

TEST_CASE("what a retry may mend") {
    for (const int status : {408, 416, 429, 499, 500, 502, 503, 504, 522}) CHECK(attempts(refused(status)) == 4);
    for (const int status : {301, 307, 400, 401, 403, 404, 405, 413, 501, 505}) CHECK(attempts(refused(status)) == 0);
    CHECK(attempts(refused(400, "MANIFEST_BLOB_UNKNOWN")) == 4);
    CHECK(attempts(refused(400, "DIGEST_INVALID")) == 2);
    CHECK(attempts(refused(400, "MANIFEST_INVALID")) == 0);
    CHECK(attempts(refused(404, "BLOB_UPLOAD_UNKNOWN")) == 4);
    CHECK(attempts(refused(404, "BLOB_UPLOAD_INVALID")) == 4);
    CHECK(attempts(refused(404, "NAME_UNKNOWN")) == 0);
    CHECK(attempts(refused(403, "", {}, true)) == 2);
    CHECK(attempts(refused(429, "", minutes(6))) == 0);
    CHECK(attempts(io::TransportError(Kind::broken, "x")) == 4);
    CHECK(attempts(io::TransportError(Kind::timeout, "x")) == 4);
    CHECK(attempts(io::TransportError(Kind::connect, "x")) == 3);
    CHECK(attempts(io::TransportError(Kind::resolve, "x")) == 3);
    CHECK(attempts(io::TransportError(Kind::tls, "x")) == 0);
    // Who has answered before is waited for: a restart, another network.
    CHECK(retry_advice(io::TransportError(Kind::connect, "x"), Contact::had)->attempts == 7);
    CHECK(retry_advice(io::TransportError(Kind::resolve, "x"), Contact::had)->attempts == 7);
    CHECK_FALSE(retry_advice(io::TransportError(Kind::tls, "x"), Contact::had));
    CHECK(attempts(Error(Fault::io, "disk")) == 0);
    CHECK(attempts(Error(Fault::interrupted, "stop")) == 0);
    CHECK(retry_advice(refused(429, "", seconds(7)))->at_least == seconds(7));
}

TEST_CASE("the secondary rate limit is waited out for minutes") {
    const Refused error(Fault::denied, "PUT x: 403 Forbidden: You have exceeded a secondary rate limit", "", 403, {},
                        {}, false);
    REQUIRE(retry_advice(error));
    CHECK(retry_advice(error)->at_least == minutes(1));
    const Refused foreign(Fault::unavailable, error.message(), "", 403, {}, {}, true);
    REQUIRE(retry_advice(foreign));
    CHECK(retry_advice(foreign)->attempts == 4);
}

TEST_CASE("work is repeated, and the failure says how often") {
    FakeClock clock;
    int runs = 0;
    try {
        with_retries(patiently(clock), [&] {
            ++runs;
            throw refused(503, "", seconds(5));
        });
    } catch (const Refused& error) {
        CHECK(error.message() == "GET x: 503 (4 attempts)");
        CHECK(error.hint() == "hint");
        CHECK(error.status() == 503);
    }
    CHECK(runs == 4);
    REQUIRE(clock.waits().size() == 3);
    for (const auto wait : clock.waits()) CHECK(wait >= seconds(5));

    CHECK_THROWS_AS(with_retries(patiently(clock), [] { throw io::TransportError(Kind::broken, "x"); }),
                    io::TransportError);

    runs = 0;
    CHECK(with_retries(patiently(clock), [&] {
              if (++runs < 3) throw io::TransportError(Kind::broken, "x");
              return 7;
          }) == 7);
}

TEST_CASE("waits that a person would wonder about are told, with the reason") {
    FakeClock clock;
    std::vector<std::string> told;
    const auto waiting = [&] {
        return Waiting{.clock = clock, .tell = [&](const std::string& line) { told.push_back(line); }};
    };
    CHECK_THROWS(with_retries(waiting, [] { throw refused(503); }));  // 1 s, 3 s, 9 s
    REQUIRE(told.size() == 1);
    CHECK(told[0].starts_with("GET x: 503; trying again in "));
    told.clear();
    CHECK_THROWS(with_retries(waiting, [] { throw refused(429, "", minutes(2)); }));
    CHECK(told.size() == 3);
}

TEST_CASE("what no retry mends is thrown at once, as it is") {
    FakeClock clock;
    int runs = 0;
    try {
        with_retries(patiently(clock), [&] {
            ++runs;
            throw Error(Fault::io, "disk");
        });
    } catch (const Error& error) {
        CHECK(error.message() == "disk");
    }
    CHECK(runs == 1);
    CHECK(clock.waits().empty());
}

TEST_SUITE_END();

}  // namespace wasmx::registry
