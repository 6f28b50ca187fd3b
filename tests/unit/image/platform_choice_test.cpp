// SPDX-License-Identifier: Apache-2.0
#include "image/platform_choice.hpp"

#include <doctest/doctest.h>

#include <string>

#include "base/error.hpp"

namespace wasmx::image {

namespace {

const oci::Platform amd64{oci::Architecture::x86_64};
const oci::Platform arm64{oci::Architecture::arm64};

struct Row {
    const char* os;
    const char* architecture;
    const char* variant = "";
    bool is_attestation = false;
};

// The size of an entry is its place in the list.
oci::Index index_of(const std::vector<Row>& rows) {
    oci::Index out;
    for (const Row& row : rows)
        out.manifests.push_back(
            {.descriptor = {.media_type = {}, .digest = {}, .size = out.manifests.size(), .annotations = {}},
             .os = row.os,
             .architecture = row.architecture,
             .variant = row.variant,
             .is_attestation = row.is_attestation});
    return out;
}

std::size_t chosen(const std::vector<Row>& rows, const oci::Platform& platform) {
    return choose(index_of(rows), platform).descriptor.size;
}

template <class Work>
std::string refusal(Work work) {
    try {
        work();
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::not_found);
        return error.message();
    }
    return "it was taken";
}

}  // namespace

TEST_SUITE_BEGIN("image");

TEST_CASE("choose takes the image for the platform") {
    CHECK(chosen({{"linux", "amd64"}, {"linux", "arm64"}}, amd64) == 0);
    CHECK(chosen({{"linux", "amd64"}, {"linux", "arm64"}}, arm64) == 1);
    CHECK(chosen({{"linux", "arm64", "v8"}}, arm64) == 0);
    CHECK(chosen({{"linux", "amd64", "v3"}, {"linux", "amd64", "v1"}}, amd64) == 1);
    CHECK(chosen({{"windows", "amd64"}, {"linux", "amd64"}}, amd64) == 1);
    CHECK(chosen({{"linux", "arm64"}, {"linux", "arm64", "v8"}}, arm64) == 0);
}

TEST_CASE("choose passes over what is no image") {
    CHECK(chosen({{"unknown", "unknown"}, {"linux", "amd64"}}, amd64) == 1);
    CHECK(chosen({{"linux", "amd64", "", true}, {"linux", "amd64"}}, amd64) == 1);
}

TEST_CASE("choose names what there is") {
    CHECK(refusal([] {
              choose(index_of({{"linux", "amd64"}, {"windows", "arm64"}, {"unknown", "unknown"}}), arm64);
          }) == "the image is not for linux/arm64: it has linux/amd64, windows/arm64");
    CHECK(refusal([] {
              choose(index_of({{"linux", "arm", "v7"}, {"linux", "arm64", "v9"}}), arm64);
          }) == "the image is not for linux/arm64: it has linux/arm/v7, linux/arm64/v9");
    CHECK(refusal([] {
              choose(index_of({{"", ""}}), arm64);
          }) == "the image is not for linux/arm64: it has no stated platform");
    CHECK(refusal([] { choose({}, arm64); }) == "the image is not for linux/arm64: it has no image at all");
}

TEST_CASE("check_platform holds the config against the platform") {
    oci::ImageConfig config;
    CHECK(refusal([&] { check_platform(config, amd64); }) ==
          "the image is not for linux/amd64: it has no stated platform");
    config.os = "linux";
    config.architecture = "arm64";
    CHECK(refusal([&] { check_platform(config, amd64); }) == "the image is not for linux/amd64: it has linux/arm64");
    CHECK_NOTHROW(check_platform(config, arm64));
    config.os = "windows";
    CHECK(refusal([&] { check_platform(config, arm64); }) == "the image is not for linux/arm64: it has windows/arm64");
}

TEST_SUITE_END();

}  // namespace wasmx::image
