// SPDX-License-Identifier: Apache-2.0
#include "base/parallel.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <latch>
#include <stdexcept>
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
    std::atomic<int> begun{0};
    std::atomic<int> under_way{0};
    CHECK_THROWS_WITH(run_all(1000, 2,
                              [&](std::size_t i) {
                                  ++begun;
                                  ++under_way;
                                  const bool is_bad = i == 3;
                                  --under_way;
                                  if (is_bad) throw std::runtime_error("three");
                              }),
                      "three");
    CHECK(under_way == 0);
    CHECK(begun < 1000);
}

TEST_SUITE_END();
