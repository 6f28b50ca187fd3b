// SPDX-License-Identifier: Apache-2.0
#include "push/leftovers.hpp"

#include "engine/scene.hpp"

using namespace wasmx;
using namespace wasmx::push;

TEST_SUITE_BEGIN("push");

TEST_CASE("names that an older version left on the engine are removed, and no others") {
    const std::string token(32, 'a');
    const std::string left = "127.0.0.1:41000/wasmx-image/" + token + ":push";
    CHECK(is_leftover(left));
    for (const std::string& name :
         {"127.0.0.1:41000/wasmx-image/" + token + ":1", "127.0.0.1:41000/wasmx-image/" + token + "a:push",
          "127.0.0.1:x/wasmx-image/" + token + ":push", "127.0.0.1:41000/other/" + token + ":push",
          "localhost:41000/wasmx-image/" + token + ":push",
          "127.0.0.1:41000/wasmx-image/" + std::string(32, 'g') + ":push", std::string("127.0.0.1:41000:push"),
          std::string()}) {
        CAPTURE(name);
        CHECK_FALSE(is_leftover(name));
    }
    engine::Scene scene(
        {{"GET /v1.41/images/json?filters=*",
          engine::json_reply(200, R"([{"RepoTags":[")" + left + R"(","127.0.0.1:5000/wasmx-image/x:1"]}])")},
         {"DELETE /v1.41/images/" + left + "?noprune=true", {.status = 500}}});
    remove_leftovers(scene.engine());
    CHECK(scene.verdict().empty());
    engine::Scene ill({{"GET /v1.41/images/json?filters=*", {.status = 500}}});
    remove_leftovers(ill.engine());
    CHECK(ill.verdict().empty());
}

TEST_SUITE_END();
