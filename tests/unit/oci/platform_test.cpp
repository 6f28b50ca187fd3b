// SPDX-License-Identifier: Apache-2.0
#include "oci/platform.hpp"

#include <doctest/doctest.h>

#include "base/error.hpp"

namespace wasmx::oci {

TEST_SUITE_BEGIN("oci");

TEST_CASE("every consumer's spelling") {
    const Platform arm(Architecture::arm64);
    CHECK(arm.docker_arch() == "arm64");
    CHECK(arm.asset_arch() == "arm64");
    CHECK(arm.uname_arch() == "aarch64");
    CHECK(arm.elf_machine() == 183);
    CHECK(arm.docker_platform() == "linux/arm64");
    const Platform intel(Architecture::x86_64);
    CHECK(intel.docker_arch() == "amd64");
    CHECK(intel.asset_arch() == "x86_64");
    CHECK(intel.uname_arch() == "x86_64");
    CHECK(intel.elf_machine() == 62);
    CHECK(intel.docker_platform() == "linux/amd64");
}

TEST_CASE("what people write") {
    for (const std::string text : {"linux/arm64", "linux/arm64/v8", "arm64", "aarch64", "linux/aarch64"}) {
        CAPTURE(text);
        CHECK(Platform::parse(text).architecture() == Architecture::arm64);
    }
    for (const std::string text : {"linux/amd64", "amd64", "x86_64", "linux/x86_64", "x86-64", "linux/amd64/v1"}) {
        CAPTURE(text);
        CHECK(Platform::parse(text).architecture() == Architecture::x86_64);
    }
    for (const std::string text : {"", "linux", "linux/", "/arm64", "darwin/arm64", "windows/amd64", "arm",
                                   "linux/arm/v7", "linux/arm64/v9", "linux/amd64/v2", "linux/arm64/v8/x", "ARM64"}) {
        CAPTURE(text);
        CHECK_THROWS_AS(Platform::parse(text), Error);
    }
}

TEST_CASE("what engines and kernels say") {
    CHECK(Platform::from_architecture("aarch64") == Platform(Architecture::arm64));
    CHECK(Platform::from_architecture("x86_64") == Platform(Architecture::x86_64));
    CHECK_FALSE(Platform::from_architecture("riscv64"));
    CHECK_FALSE(Platform::from_architecture(""));
}

TEST_SUITE_END();

}  // namespace wasmx::oci
