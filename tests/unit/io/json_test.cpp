// SPDX-License-Identifier: Apache-2.0
#include "io/json.hpp"

#include <doctest/doctest.h>

#include "support/error_of.hpp"

namespace wasmx::io {

TEST_SUITE_BEGIN("io");

namespace {

std::string times(std::string_view text, std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out += text;
    return out;
}

}  // namespace

TEST_CASE("JSON of a sensible size is read") {
    CHECK(parse_json(R"({"a": [1, {"b": null}], "a": 2})").at("a") == 2);  // the last one counts
    CHECK_NOTHROW(parse_json(times("[", 64) + times("]", 64)));
    CHECK(parse_json("[0" + times(",0", 400'000) + "]").size() == 400'001);
    CHECK_THROWS_AS(parse_json("{"), nlohmann::json::parse_error);
    CHECK(try_parse_json("[1]").is_array());
    CHECK(try_parse_json("[1").is_discarded());
}

TEST_CASE("JSON that takes more memory than it is worth is refused before it has taken it") {
    for (const std::string& text : {times("[", 65) + times("]", 65), times("[", 4'000'000),
                                    times(R"({"a":)", 1'000'000), "[" + times("[],", 1'000'000) + "1]"}) {
        CAPTURE(text.substr(0, 20));
        CHECK(test::error_of([&] { (void)parse_json(text); }).fault() == Fault::integrity);
        CHECK(try_parse_json(text).is_discarded());
    }
}

TEST_CASE("JSON that we write is obeyed by nobody") {
    const nlohmann::json json{{"a", "\x1b]0;t\x07 \u202e \u009b ##[set-output name=x;]y \xff"}};
    const std::string text = json_text(json);
    CHECK(text == R"({"a":"\u001b]0;t\u0007 \u202e \u009b ##\u005bset-output name=x;]y \ufffd"})");
    CHECK(nlohmann::json::parse(text).at("a") == "\x1b]0;t\x07 \u202e \u009b ##[set-output name=x;]y \ufffd");
}

TEST_SUITE_END();

}  // namespace wasmx::io
