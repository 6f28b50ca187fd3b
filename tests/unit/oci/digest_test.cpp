// SPDX-License-Identifier: Apache-2.0
#include "base/digest.hpp"

#include <doctest/doctest.h>

#include "base/error.hpp"

namespace wasmx {

TEST_SUITE_BEGIN("oci");

TEST_CASE("digests") {
    const std::string hex = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const Digest digest = Digest::parse("sha256:" + hex);
    CHECK(digest.str() == "sha256:" + hex);
    CHECK(digest.hex() == hex);
    CHECK(digest.brief() == "sha256:0123456789ab");
    CHECK(Digest::from_hex(hex) == digest);
    CHECK(Digest() < digest);
    for (const std::string& text : std::vector<std::string>{
             "", hex, "sha256:", "sha256:" + hex.substr(1), "sha256:" + hex + "0", "SHA256:" + hex, "sha512:" + hex,
             "sha256:" + std::string(64, 'A'), "sha256:" + std::string(64, 'g'), " sha256:" + hex}) {
        CAPTURE(text);
        CHECK_FALSE(Digest::try_parse(text));
        CHECK_THROWS_AS(Digest::parse(text), Error);
    }
}

TEST_SUITE_END();

}  // namespace wasmx
