// SPDX-License-Identifier: Apache-2.0
#include "registry/greeting.hpp"

#include <fmt/chrono.h>

#include "registry/clock.hpp"
#include "registry/scene.hpp"

using namespace wasmx;
using namespace wasmx::registry;

namespace {

std::string http_date(std::chrono::seconds offset) {
    const auto time = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now() + offset);
    return fmt::format("{:%a, %d %b %Y %H:%M:%S GMT}", fmt::gmtime(time));
}

Greeting greeting_of(const test::Reply& reply) {
    test::HttpServer server([&](const test::Seen& seen) {
        CHECK(seen.line() == "GET /v2/");
        CHECK(seen.header("authorization").empty());
        return reply;
    });
    io::HttpClient http({}, "test");
    return greet(http, server.host());
}

}  // namespace

TEST_SUITE_BEGIN("registry");

TEST_CASE("a registry greets") {
    const Greeting open = greeting_of({.status = 200});
    CHECK(open.status == 200);
    CHECK(open.origin.starts_with("http://127.0.0.1:"));
    CHECK_FALSE(open.clock_ahead);
    CHECK(greeting_of({.status = 401}).status == 401);
}

TEST_CASE("its Date against our clock") {
    using std::chrono::seconds;
    const auto ahead = [](seconds offset) {
        return greeting_of({.status = 401, .headers = {{"Date", http_date(offset)}}}).clock_ahead.value();
    };
    CHECK(std::abs(ahead(seconds(0)).count()) < 5000);
    CHECK(std::abs(ahead(seconds(-7200)).count() - 7200'000) < 5000);
    CHECK(std::abs(ahead(seconds(90)).count() + 90'000) < 5000);
    CHECK_FALSE(greeting_of({.status = 401, .headers = {{"Date", "yesterday"}}}).clock_ahead);
}

TEST_CASE("what answers like no registry") {
    for (const int status : {404, 301, 500, 503}) {
        CAPTURE(status);
        const Error error = error_of([&] { greeting_of({.status = status}); });
        CHECK(error.fault() == Fault::unavailable);
        CHECK_FALSE(error.hint().empty());
    }
    io::HttpClient http({}, "test");
    CHECK_THROWS_AS(greet(http, "127.0.0.1:1"), io::TransportError);
}

TEST_CASE("a brief question is asked once more, and no more where nobody answers") {
    int asked = 0;
    test::HttpServer server([&](const test::Seen& seen) -> test::Reply {
        if (seen.target == "/v2/") return {.status = 200};
        ++asked;
        return {.status = 503};
    });
    io::HttpClient http({}, "test");
    FakeClock clock;
    Repository repository(http, oci::Reference::parse(server.host() + "/kong/x"),
                          {.patience = Patience::brief, .clock = &clock});
    CHECK(error_of([&] { repository.find_manifest("1"); }).fault() == Fault::unavailable);
    CHECK(asked == 2);
    Repository nobody(http, oci::Reference::parse("127.0.0.1:1/kong/x"),
                      {.patience = Patience::brief, .clock = &clock});
    CHECK(error_of([&] { nobody.find_manifest("1"); }).fault() == Fault::unavailable);
    CHECK(clock.waits().size() == 1);
}

TEST_SUITE_END();
