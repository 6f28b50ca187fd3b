// SPDX-License-Identifier: Apache-2.0
#include "base/parallel.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <latch>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace wasmx;

TEST_SUITE_BEGIN("base");

TEST_CASE("everything is done once, and not more at a time than was said") {
    for (const unsigned limit : {1U, 3U, 64U}) {
        CAPTURE(limit);
        std::vector<std::atomic<int>> done(40);
        std::atomic<unsigned> now{0};
        std::atomic<unsigned> most{0};
        run_all(done.size(), limit, [&](std::size_t i) {
            const unsigned mine = ++now;
            for (unsigned seen = most; mine > seen && !most.compare_exchange_weak(seen, mine);) {
            }
            ++done[i];
            --now;
        });
        for (const auto& count : done) CHECK(count == 1);
        CHECK(most <= limit);
    }
    run_all(0, 4, [](std::size_t) { FAIL("there is nothing to do"); });
}

TEST_CASE("as many are under way at once as may be") {
    std::latch together(4);
    run_all(4, 4, [&](std::size_t) { together.arrive_and_wait(); });  // hangs if they wait for one another
}

TEST_CASE("the first exception ends it, and comes out when all have ended") {
    int begun = 0;
    const auto fail_at_three = [&](std::size_t i) {
        ++begun;
        if (i == 3) throw std::runtime_error("three");
    };
    CHECK_THROWS_WITH(run_all(1000, 1, fail_at_three), "three");
    CHECK(begun == 4);

    std::atomic<int> under_way{0};
    const auto fail_at_once = [&](std::size_t i) {
        ++under_way;
        std::this_thread::yield();
        --under_way;
        if (i == 0) throw std::runtime_error("none");
    };
    CHECK_THROWS_WITH(run_all(1000, 4, fail_at_once), "none");
    CHECK(under_way == 0);
}

TEST_SUITE_END();
