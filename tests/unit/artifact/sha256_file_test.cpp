// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <string>

#include "artifact/artifact.hpp"
#include "base/error.hpp"

namespace wasmx::artifact {

namespace {

const Digest digest = io::sha256("the file");
const std::string hex = digest.hex();

std::string refusal(const std::string& text) {
    try {
        check_sha256_file(text, "x.tar.gz", digest);
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::integrity);
        return error.message();
    }
    return {};
}

}  // namespace

TEST_SUITE_BEGIN("artifact");

TEST_CASE("check_sha256_file takes what sha256sum writes") {
    CHECK(refusal(hex + "  x.tar.gz\n") == "");
    CHECK(refusal(hex + " *x.tar.gz\n") == "");
    CHECK(refusal(hex + "  x.tar.gz") == "");
}

TEST_CASE("check_sha256_file refuses any other form") {
    std::string upper = hex;
    for (char& c : upper)
        if (c >= 'a') c = static_cast<char>(c - 'a' + 'A');
    for (const std::string& text :
         {std::string(), std::string("\n"), hex, hex + "\n", hex + "  \n", hex + " x.tar.gz\n", hex + "\tx.tar.gz\n",
          hex.substr(1) + "  x.tar.gz\n", "g" + hex.substr(1) + "  x.tar.gz\n", upper + "  x.tar.gz\n",
          "sha256:" + hex + "  x.tar.gz\n", "x.tar.gz  " + hex + "\n", hex + "  x.tar.gz\n" + hex + "  x.tar.gz\n",
          "\\" + hex + "  x.tar.gz\n"}) {
        CAPTURE(text);
        CHECK(refusal(text).find("not what sha256sum writes") != std::string::npos);
    }
}

TEST_CASE("check_sha256_file is about that file and no other") {
    for (const std::string name : {"y.tar.gz", "./x.tar.gz", "dist/x.tar.gz", " x.tar.gz", "x.tar.gz ", "x.tar.gz\r"})
        CHECK(refusal(hex + "  " + name + "\n").find("about another file") != std::string::npos);
}

TEST_CASE("check_sha256_file names both digests") {
    const std::string other = io::sha256("another file").hex();
    CHECK(refusal(other + "  x.tar.gz\n") == "x.tar.gz.sha256 says sha256:" + other + ", the file has " + digest.str());
}

TEST_CASE("check_sha256_file quotes nothing a terminal would act on") {
    CHECK(refusal("\x1b[31m" + std::string(10'000, 'x')).size() < 400);
    CHECK(refusal("\x1b[31m").find('\x1b') == std::string::npos);
}

TEST_SUITE_END();

}  // namespace wasmx::artifact
