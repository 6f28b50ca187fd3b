// SPDX-License-Identifier: Apache-2.0
#include "push/pace.hpp"

#include <doctest/doctest.h>

using namespace wasmx::push;

TEST_SUITE_BEGIN("push");

TEST_CASE("the limits of ghcr.io, and of no other") {
    REQUIRE(limits_of("ghcr.io"));
    CHECK(limits_of("ghcr.io")->bytes == 10'000'000'000);
    CHECK(limits_of("ghcr.io")->seconds == 600);
    for (const char* other : {"ghcr.io:443", "my.ghcr.io", "docker.io", "127.0.0.1:5000", ""})
        CHECK_FALSE(limits_of(other));
}

TEST_CASE("an upload that will take too long is told once, when there is something to go by") {
    constexpr std::uint64_t size = 1'000'000'000;
    Pace pace(limits_of("ghcr.io"));
    CHECK_FALSE(pace.overrun(0, size, 30));           // nothing sent: nothing to go by
    CHECK_FALSE(pace.overrun(1'000'000, size, 19));   // at the start it may be slow
    CHECK_FALSE(pace.overrun(40'000'000, size, 20));  // 500 s
    CHECK(pace.overrun(30'000'000, size, 20).value_or(0) == doctest::Approx(666.7).epsilon(0.001));
    CHECK_FALSE(pace.overrun(30'000'000, size, 20));  // it has been told
    Pace unlimited(limits_of("127.0.0.1:5000"));
    CHECK_FALSE(unlimited.overrun(1, size, 1000));
}

TEST_SUITE_END();
