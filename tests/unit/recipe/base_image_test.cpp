// SPDX-License-Identifier: Apache-2.0
#include "recipe/base_image.hpp"

#include <doctest/doctest.h>

#include "support/error_of.hpp"

using namespace wasmx;

TEST_SUITE_BEGIN("recipe");

TEST_CASE("a base image that was pulled for another platform has the pull as its next step") {
    const recipe::BaseWanted wanted{
        .name = "lab/base:1", .is_default = false, .platform = oci::Platform(oci::Architecture::arm64)};
    const auto there = recipe::BaseThere::with("linux", "amd64", {}, {});
    const Error error = test::error_of([&] { recipe::check_base(wanted, there); });
    CHECK(error.message().find("is for linux/amd64") != std::string::npos);
    CHECK(error.hint().find("docker pull --platform linux/arm64 lab/base:1") != std::string::npos);
}

TEST_SUITE_END();
