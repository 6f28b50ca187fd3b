// SPDX-License-Identifier: Apache-2.0
#include "io/pace.hpp"

#include <doctest/doctest.h>

namespace wasmx::io {

TEST_SUITE_BEGIN("io");

namespace {

using std::chrono::seconds;

/// Lets `per_step` bytes move in each `step` of waiting; after how many seconds that was found too slow, or 0.
int gives_up_after(Pace pace, seconds step, std::uint64_t per_step, bool is_under_way = true) {
    std::uint64_t moved = 0;
    for (int waited = 0; waited < 10'000;) {
        pace.waited(step);
        waited += static_cast<int>(step.count());
        moved += per_step;
        if (!pace.find_trouble(moved, is_under_way).empty()) return waited;
    }
    return 0;
}

Pace usual() { return {seconds(60), 1024, seconds(0)}; }

}  // namespace

TEST_CASE("silence") {
    CHECK(gives_up_after(usual(), seconds(1), 0) == 60);
    CHECK(gives_up_after(usual(), seconds(1), 0, false) == 60);
    CHECK(gives_up_after({seconds(0), 0, seconds(0)}, seconds(1), 0) == 0);
}

TEST_CASE("a body that drips, in whatever portions") {
    CHECK(gives_up_after(usual(), seconds(1), 1) == 60);
    CHECK(gives_up_after(usual(), seconds(59), 1) > 0);
    CHECK(gives_up_after(usual(), seconds(59), 6'000) > 0);
    CHECK(gives_up_after(usual(), seconds(1), 1023) == 60);
    CHECK(gives_up_after(usual(), seconds(1), 1024) == 0);
    CHECK(gives_up_after(usual(), seconds(30), 40'000) == 0);
    // Without a rate only silence counts.
    CHECK(gives_up_after({seconds(60), 0, seconds(0)}, seconds(59), 1) == 0);
}

TEST_CASE("a wait for an answer has no rate") {
    Pace pace = usual();
    pace.waited(seconds(50));
    CHECK(pace.find_trouble(1 << 20, true).empty());
    for (int i = 1; i < 60; ++i) {
        pace.waited(seconds(1));
        CHECK(pace.find_trouble(1 << 20, false).empty());
    }
    // The body that follows has a whole window of its own.
    CHECK(pace.find_trouble((1 << 20) + 1, true).empty());
    pace.waited(seconds(59));
    CHECK(pace.find_trouble((1 << 20) + 2, true).empty());
    pace.waited(seconds(1));
    CHECK_FALSE(pace.find_trouble((1 << 20) + 3, true).empty());
}

TEST_CASE("a body that is sent again begins anew") {
    Pace pace = usual();
    pace.waited(seconds(59));
    CHECK(pace.find_trouble(1'000'000, true).empty());
    pace.waited(seconds(1));
    CHECK(pace.find_trouble(1, true).empty());
}

TEST_CASE("what is to be complete in time, however fast it comes") {
    CHECK(gives_up_after({seconds(60), 1024, seconds(120)}, seconds(1), 1 << 20) == 120);
    CHECK(gives_up_after({seconds(0), 0, seconds(120)}, seconds(1), 1 << 20) == 120);
}

TEST_SUITE_END();

}  // namespace wasmx::io
