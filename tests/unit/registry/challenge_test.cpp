// SPDX-License-Identifier: Apache-2.0
#include "registry/challenge.hpp"

#include <doctest/doctest.h>

namespace wasmx::registry {

TEST_SUITE_BEGIN("registry");

namespace {

using Parameters = std::map<std::string, std::string>;

struct Row {
    std::string name;
    std::vector<std::string> lines;
    std::string chosen;  // empty: none
    Parameters parameters;
};

const std::vector<Row> rows{
    {"as Docker Hub says it",
     {R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push")"},
     "bearer",
     {{"realm", "https://auth.docker.io/token"},
      {"service", "registry.docker.io"},
      {"scope", "repository:a/b:pull,push"}}},
    {"any case, blanks everywhere",
     {"BEARER  Realm = \"r\" ,\tSERVICE=s"},
     "bearer",
     {{"realm", "r"}, {"service", "s"}}},
    {"unquoted",
     {R"(Basic realm=openshift,error="access denied")"},
     "basic",
     {{"realm", "openshift"}, {"error", "access denied"}}},
    {"unquoted URL",
     {"Bearer realm=https://a/token?x=1,service=s"},
     "bearer",
     {{"realm", "https://a/token?x=1"}, {"service", "s"}}},
    {"escapes", {R"(Bearer realm="a\"b\\c,d")"}, "bearer", {{"realm", "a\"b\\c,d"}}},
    {"several lines", {"Negotiate", R"(Basic realm="b")", R"(Bearer realm="r")"}, "bearer", {{"realm", "r"}}},
    {"several in one line",
     {R"(Basic realm="b", Bearer realm="r",service="s")"},
     "bearer",
     {{"realm", "r"}, {"service", "s"}}},
    {"bearer first", {R"(Bearer realm="r", Basic realm="b")"}, "bearer", {{"realm", "r"}}},
    {"a scheme without parameters before", {R"(Negotiate, Basic realm="b")"}, "basic", {{"realm", "b"}}},
    {"without a comma", {R"(Negotiate Basic realm="b")"}, "basic", {{"realm", "b"}}},
    {"a scheme with one value", {R"(Negotiate YII/+c==, Bearer realm="r")"}, "bearer", {{"realm", "r"}}},
    {"a scheme that we do not know", {R"(AWS4 x="1", y=2, Bearer realm="r")"}, "bearer", {{"realm", "r"}}},
    {"digest alone", {R"(Digest realm="d", nonce="n")"}, "", {}},
    {"the first of two equal names", {R"(Bearer realm="a", realm="b")"}, "bearer", {{"realm", "a"}}},
    {"an open quote", {R"(Bearer realm="a, service=b)"}, "bearer", {{"realm", "a, service=b"}}},
    {"commas around", {R"(, ,Bearer realm="r",,service="s", )"}, "bearer", {{"realm", "r"}, {"service", "s"}}},
    {"empty value", {R"(Bearer realm="",service=)"}, "bearer", {{"realm", ""}, {"service", ""}}},
    {"garbage before", {R"("x" y, Bearer realm="r")"}, "bearer", {{"realm", "r"}}},
    {"no parameters", {"Bearer"}, "bearer", {}},
    {"nothing", {}, "", {}},
    {"blanks", {"", "  ", ",", "="}, "", {}},
};

}  // namespace

TEST_CASE("challenges") {
    for (const Row& row : rows) {
        CAPTURE(row.name);
        const auto challenges = parse_challenges(row.lines);
        const Challenge* chosen = choose_challenge(challenges);
        CHECK((chosen == nullptr) == row.chosen.empty());
        if (chosen == nullptr) continue;
        CHECK(chosen->scheme == row.chosen);
        CHECK(chosen->parameters == row.parameters);
    }
}

TEST_CASE("every challenge is kept, in order") {
    const auto challenges =
        parse_challenges({R"(Negotiate, Basic realm="b")", R"(Digest realm="d", nonce=n, Bearer realm="r")"});
    REQUIRE(challenges.size() == 4);
    CHECK(challenges[0].scheme == "negotiate");
    CHECK(challenges[1].scheme == "basic");
    CHECK(challenges[2].scheme == "digest");
    CHECK(challenges[2].parameter("nonce") == "n");
    CHECK(challenges[3].scheme == "bearer");
    CHECK(challenges[3].parameter("service").empty());
}

TEST_CASE("more scope is wanted only when it is named") {
    const auto wants = [](const std::string& line) { return parse_challenges({line}).front().wants_more_scope(); };
    CHECK(wants(R"(Bearer realm="r",scope="repository:a:push",error="insufficient_scope")"));
    CHECK_FALSE(wants(R"(Bearer realm="r",error="insufficient_scope")"));
    CHECK_FALSE(wants(R"(Bearer realm="r",scope="repository:a:push",error="invalid_token")"));
}

TEST_SUITE_END();

}  // namespace wasmx::registry
