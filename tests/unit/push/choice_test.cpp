// SPDX-License-Identifier: Apache-2.0
#include "push/choice.hpp"

#include <doctest/doctest.h>

using namespace wasmx::push;

namespace {

constexpr std::uint64_t mega = 1'000'000;

// The steps of an image as the engine tells them, the last one first: 0 is an ENV, a LABEL, or an empty layer.
const std::vector<std::uint64_t> history{0, 30 * mega, 0, 600 * mega, 700 * mega, 0, 270 * mega};

}  // namespace

TEST_SUITE_BEGIN("push");

TEST_CASE("what is missing is known by its size where every layer has one") {
    const Volume top = volume_of(history, {false, false, false, true});
    CHECK(top.image == 1600 * mega);
    CHECK(top.missing == 30 * mega);
    CHECK(top.layers == 1);
    const Volume scattered = volume_of(history, {true, false, true, false});
    CHECK(scattered.missing == 870 * mega);
    CHECK(scattered.layers == 2);
    CHECK(volume_of(history, {false, false, false, false}).missing == 0);
}

TEST_CASE("a layer has a size where there are as many sizes as layers") {
    CHECK(layer_sizes(history, 4) ==
          std::vector<std::uint64_t>{270 * mega, 700 * mega, 600 * mega, 30 * mega});  // base first
    CHECK(layer_sizes(history, 5).empty());
    CHECK(layer_sizes({}, 1).empty());
}

TEST_CASE("with empty layers among them it is at most so much") {
    // Six layers, of which two are empty: the two from the top are at most the two topmost sizes.
    CHECK(volume_of(history, {false, false, false, false, false, true}).missing == 30 * mega);
    CHECK(volume_of(history, {false, false, false, false, true, true}).missing == 630 * mega);
    CHECK(volume_of(history, {true, false, false, false, false, false}).missing == 1600 * mega);
    // Fewer layers than sizes is no engine's doing.
    CHECK(volume_of(history, {true, true}).missing == 630 * mega);
    CHECK(volume_of({}, {true}).image == 0);
}

TEST_CASE("the relay is for what is small against the image") {
    CHECK(is_relay_quicker(volume_of(history, {false, false, false, true}), 2));
    CHECK(is_relay_quicker(volume_of(history, {false, false, false, false}), 1));  // the config alone
    CHECK_FALSE(is_relay_quicker(volume_of(history, {true, true, true, true}), 2));
    CHECK_FALSE(is_relay_quicker(volume_of(history, {false, false, true, true}), 1));
    // One layer is compressed on one processor, however many there are.
    CHECK_FALSE(is_relay_quicker({.image = 1600 * mega, .missing = 600 * mega, .layers = 1}, 16));
    CHECK(is_relay_quicker({.image = 1600 * mega, .missing = 600 * mega, .layers = 2}, 16));
    CHECK_FALSE(is_relay_quicker({}, 0));
}

TEST_SUITE_END();
