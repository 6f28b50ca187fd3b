// SPDX-License-Identifier: Apache-2.0
#include "artifact/machine_code.hpp"

#include <doctest/doctest.h>

#include <random>

#include "io/stream.hpp"
#include "support/objects.hpp"

namespace wasmx::artifact {

namespace {

using namespace test;
using oci::Architecture;

std::optional<Architecture> architecture_of(const std::string& code) {
    return markers_in(io::bytes_of(code)).architecture();
}

}  // namespace

TEST_SUITE_BEGIN("artifact");

TEST_CASE("machine code is told by how functions begin and end") {
    CHECK(architecture_of(arm64_code(10)) == Architecture::arm64);
    CHECK(architecture_of(x86_64_code(10)) == Architecture::x86_64);
    const auto markers = markers_in(io::bytes_of(arm64_code(10)));
    CHECK(markers.arm64 == 40);
    CHECK(markers.x86_64 == 0);
    CHECK(markers.size == 200);
    CHECK(markers_in(io::bytes_of(x86_64_code(10))).x86_64 == 40);
    CHECK(markers_in(io::bytes_of(x86_64_code(10))).arm64 == 0);
}

TEST_CASE("each marker counts") {
    for (const std::uint32_t word : {0xD65F03C0U, 0x910003FDU, 0xA9BF7BFDU, 0xA9BC7BFDU, 0xA8C17BFDU, 0xA8C47BFDU}) {
        std::string code;
        append(code, word);
        CAPTURE(word);
        CHECK(markers_in(io::bytes_of(code)).arm64 == 1);
        CHECK(markers_in(io::bytes_of("\xff" + code + "\xff\xff\xff")).arm64 == 0);  // not aligned
    }
    using namespace std::string_literals;
    for (const std::string& code :
         {"\x55\x48\x89\xe5"s, "\x55\x48\x8b\xec"s, "\x48\x8b\xe5\x5d"s, "\x48\x83\xec\x08"s, "\x48\x81\xec\0"s,
          "\xc3\xcc\xcc\xcc"s, "\x0f\x1f\x00\xcc"s, "\x0f\x1f\x44\0"s, "\x0f\x1f\x80\0"s, "\x0f\x1f\x84\0"s})
        CHECK(markers_in(io::bytes_of("\xff" + code)).x86_64 == 1);
}

TEST_CASE("what is neither's, or both's, is nobody's") {
    CHECK_FALSE(architecture_of(""));
    CHECK_FALSE(architecture_of("abc"));
    CHECK_FALSE(architecture_of(std::string(1 << 20, '\0')));
    CHECK_FALSE(architecture_of(arm64_code(100) + x86_64_code(100)));
    CHECK_FALSE(architecture_of(arm64_code(100) + x86_64_code(10)));
    // A few functions in a megabyte of something else.
    CHECK_FALSE(architecture_of(arm64_code(10) + std::string(1 << 20, '\0')));
    std::mt19937 random(42);
    std::string noise;
    while (noise.size() < 1 << 20) append(noise, random());
    CHECK_FALSE(architecture_of(noise));
    CHECK(architecture_of(arm64_code(1000) + noise.substr(0, 100'000)) == Architecture::arm64);
}

TEST_SUITE_END();

}  // namespace wasmx::artifact
