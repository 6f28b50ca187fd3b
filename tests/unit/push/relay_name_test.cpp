// SPDX-License-Identifier: Apache-2.0
#include "push/relay_name.hpp"

#include <doctest/doctest.h>

using namespace wasmx::push;

TEST_SUITE_BEGIN("push");

TEST_CASE("names of relays are told from all others") {
    const std::string repository = new_relay_repository();
    CHECK(repository != new_relay_repository());
    CHECK(relay_port(relay_name(40123, repository).familiar()) == 40123);
    const std::string token(32, 'a');
    CHECK(relay_port("127.0.0.1:1/wasmx-image/" + token + ":push") == 1);
    for (const std::string& other :
         {"127.0.0.1:1/wasmx-image/" + token + ":latest", "127.0.0.1:1/wasmx-image/" + token,
          "127.0.0.1:1/wasmx-image/" + token.substr(1) + ":push", "127.0.0.1:1/wasmx-image/" + token + "a:push",
          "127.0.0.1:1/wasmx-image/" + token.substr(1) + "g:push", "127.0.0.1:1/other/" + token + ":push",
          "127.0.0.1:70000/wasmx-image/" + token + ":push", "127.0.0.1:/wasmx-image/" + token + ":push",
          "localhost:1/wasmx-image/" + token + ":push", std::string("127.0.0.1:1"), std::string()}) {
        CAPTURE(other);
        CHECK_FALSE(relay_port(other));
    }
}

TEST_SUITE_END();
