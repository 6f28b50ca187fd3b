// SPDX-License-Identifier: Apache-2.0
// Digest, Secret, Error.
#include <doctest/doctest.h>

#include <cerrno>
#include <type_traits>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "base/secret.hpp"

using namespace wasmx;

TEST_SUITE_BEGIN("base");

TEST_CASE("a digest is read and written as it is") {
    const std::string hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const Digest digest = Digest::parse("sha256:" + hex);
    CHECK(digest.hex() == hex);
    CHECK(digest.str() == "sha256:" + hex);
    CHECK(digest.brief() == "sha256:e3b0c44298fc");
    CHECK(Digest::from_hex(hex) == digest);
    CHECK(digest != Digest());
    CHECK(Digest() < digest);
}

TEST_CASE("what is no digest is refused") {
    const std::string hex(64, 'a');
    for (const std::string& text :
         {std::string(), "sha256:" + hex.substr(1), "sha256:" + hex + "a", hex, "sha512:" + hex, "SHA256:" + hex,
          "sha256:" + std::string(64, 'A'), "sha256:" + std::string(63, 'a') + "g", " sha256:" + hex}) {
        CAPTURE(text);
        CHECK_FALSE(Digest::try_parse(text));
        CHECK_THROWS_AS(Digest::parse(text), Error);
    }
    try {
        Digest::parse("latest");
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::integrity);
        CHECK(error.message().find("\"latest\"") != std::string::npos);
    }
}

TEST_CASE("a secret that was moved away is gone, of whatever length") {
    for (const std::string& word : {std::string("short"), std::string(100, 's')}) {
        Secret first(word);
        Secret second(std::move(first));
        CHECK(first.empty());  // NOLINT(bugprone-use-after-move): that is the point
        CHECK(first.reveal().empty());
        CHECK(second.reveal() == word);
        Secret third;
        third = std::move(second);
        CHECK(second.empty());  // NOLINT(bugprone-use-after-move)
        CHECK(third.reveal() == word);
        const Secret copy = third;
        CHECK(copy.reveal() == word);
        CHECK(third.reveal() == word);
        Secret& itself = third;
        third = itself;
        CHECK(third.reveal() == word);
        third = std::move(itself);
        CHECK(third.reveal() == word);
    }
    static_assert(!std::is_convertible_v<std::string, Secret>);
    static_assert(!std::is_convertible_v<Secret, std::string>);
}

TEST_CASE("frames stand outermost first, and only an error has them") {
    CHECK(in_context("outer", [] { return 7; }) == 7);
    try {
        in_context("outer", [] { in_context("inner", [] { throw Error(Fault::denied, "no", "log in"); }); });
        FAIL("nothing was thrown");
    } catch (const Error& error) {
        CHECK(error.frames() == std::vector<std::string>{"outer", "inner"});
        CHECK(error.message() == "no");
        CHECK(error.hint() == "log in");
        CHECK(error.fault() == Fault::denied);
        CHECK(std::string(error.what()) == "no");
    }
    int value = 0;
    in_context("a reference stays one", [&]() -> int& { return value; }) = 3;
    CHECK(value == 3);
}

TEST_CASE("errors of the system") {
    CHECK(system_error("opening /x", ENOENT).fault() == Fault::not_found);
    CHECK(system_error("opening /x", ENOENT).message() == "opening /x: No such file or directory");
    CHECK(system_error("writing /x", ENOSPC).fault() == Fault::io);
    CHECK(system_error("writing /x", ENOSPC).hint().find("df -h") != std::string::npos);
    CHECK(system_error("writing /x", EIO).hint().empty());
    try {
        throw_interrupted();
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::interrupted);
    }
}

TEST_SUITE_END();
