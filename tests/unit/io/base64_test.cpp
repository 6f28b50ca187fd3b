// SPDX-License-Identifier: Apache-2.0
#include "io/base64.hpp"

#include <doctest/doctest.h>

namespace wasmx::io {

TEST_SUITE_BEGIN("io");

TEST_CASE("base64: the examples of RFC 4648") {
    struct Row {
        std::string bytes;
        std::string text;
    };
    for (const Row& row : {Row{"", ""}, Row{"f", "Zg=="}, Row{"fo", "Zm8="}, Row{"foo", "Zm9v"},
                           Row{"foob", "Zm9vYg=="}, Row{"fooba", "Zm9vYmE="}, Row{"foobar", "Zm9vYmFy"},
                           Row{std::string("\0\0", 2), "AAA="}, Row{"\xff\xfe\xfb", "//77"}}) {
        CAPTURE(row.text);
        CHECK(base64_encode(row.bytes) == row.text);
        CHECK(base64_decode(row.text) == row.bytes);
    }
    CHECK(base64url_encode("\xff\xfe\xfb\xff") == "__77_w==");
}

TEST_CASE("base64: strict") {
    for (const std::string text : {"Z", "Zg", "Zg=", "Zg===", "=", "====", "Zg==Zg==", "Zm9v\n", " Zm9v", "Zm 9",
                                   "__77", "Zh==", "Zm9=", "Z=g=", "Zm9v=", "\xc3\xa4zz"}) {
        CAPTURE(text);
        CHECK_FALSE(base64_decode(text));
    }
    CHECK_FALSE(base64_decode(std::string("Zm9\0", 4)));
}

TEST_CASE("base64: there and back") {
    std::string bytes;
    for (int i = 0; i < 1000; ++i) {
        bytes += static_cast<char>(i * 37 % 256);
        CHECK(base64_decode(base64_encode(bytes)) == bytes);
    }
}

TEST_SUITE_END();

}  // namespace wasmx::io
