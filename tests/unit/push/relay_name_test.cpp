// SPDX-License-Identifier: Apache-2.0
#include "push/relay_name.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/scene.hpp"

using namespace wasmx;
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

TEST_CASE("of the names in an engine only those are removed that a push has left which is no more") {
    const test::HttpServer living([](const test::Seen&) { return test::Reply{}; });
    const auto dead_port = [] { return test::HttpServer([](const test::Seen&) { return test::Reply{}; }).port(); }();
    const std::string token(32, 'a');
    const std::string dead = fmt::format("127.0.0.1:{}/wasmx-image/{}:push", dead_port, token);
    const std::string images = nlohmann::json{
        {{"RepoTags", {fmt::format("127.0.0.1:{}/wasmx-image/{}:push", living.port(), token), "kong/x:1"}}},
        {{"RepoTags", {dead, fmt::format("127.0.0.1:{}/wasmx-image/{}:latest", dead_port, token)}}},
        {{"RepoTags", nullptr}}}.dump();
    engine::Scene scene({{"GET /v1.41/images/json?*", engine::json_reply(200, images)},
                         {"DELETE /v1.41/images/" + dead + "?noprune=true", engine::json_reply(200, "[]")}});
    io::HttpClient http(std::stop_token(), "test");
    remove_all_strays(scene.engine(), http);
    CHECK(scene.verdict().empty());
}

TEST_CASE("an engine that does not list its images keeps no push from its end") {
    engine::Scene scene({{"GET /v1.41/images/json?*", engine::json_reply(500, "{}")}});
    io::HttpClient http(std::stop_token(), "test");
    CHECK_NOTHROW(remove_all_strays(scene.engine(), http));
    CHECK(scene.verdict().empty());
}

TEST_SUITE_END();
