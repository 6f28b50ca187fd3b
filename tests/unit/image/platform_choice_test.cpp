// SPDX-License-Identifier: Apache-2.0
#include "image/platform_choice.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

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

// Their places, in the order in which they are asked.
std::vector<std::size_t> asked(const std::vector<Row>& rows, const oci::Platform& platform) {
    std::set<std::string> there;
    std::vector<std::size_t> out;
    for (const oci::IndexEntry& entry : candidates(index_of(rows), platform, there))
        out.push_back(entry.descriptor.size);
    return out;
}

std::size_t chosen(const std::vector<Row>& rows, const oci::Platform& platform) { return asked(rows, platform).at(0); }

// What is said where none fits.
std::string refusal(const std::vector<Row>& rows, const oci::Platform& platform) {
    std::set<std::string> there;
    CHECK(candidates(index_of(rows), platform, there).empty());
    return wrong_platform(platform, there).message();
}

}  // namespace

TEST_SUITE_BEGIN("image");

TEST_CASE("candidates: first the image for the platform") {
    CHECK(chosen({{"linux", "amd64"}, {"linux", "arm64"}}, amd64) == 0);
    CHECK(chosen({{"linux", "amd64"}, {"linux", "arm64"}}, arm64) == 1);
    CHECK(chosen({{"linux", "arm64", "v8"}}, arm64) == 0);
    CHECK(chosen({{"linux", "amd64", "v3"}, {"linux", "amd64", "v1"}}, amd64) == 1);
    CHECK(chosen({{"windows", "amd64"}, {"linux", "amd64"}}, amd64) == 1);
    CHECK(chosen({{"linux", "arm64"}, {"linux", "arm64", "v8"}}, arm64) == 0);
}

TEST_CASE("candidates pass over what is no image") {
    CHECK(chosen({{"unknown", "unknown"}, {"linux", "amd64"}}, amd64) == 1);
    CHECK(chosen({{"linux", "amd64", "", true}, {"linux", "amd64"}}, amd64) == 1);
}

TEST_CASE("entries that state no platform are asked after the one that states it") {
    CHECK(asked({{"", ""}, {"linux", "arm64"}, {"", ""}, {"linux", "amd64"}}, amd64) ==
          std::vector<std::size_t>{3, 0, 2});
    CHECK(asked({{"", ""}}, amd64) == std::vector<std::size_t>{0});
}

TEST_CASE("the kernel's names of an architecture, and other spellings that engines take") {
    CHECK(chosen({{"linux", "x86_64"}, {"linux", "aarch64"}}, arm64) == 1);
    CHECK(chosen({{"linux", "aarch64"}, {"linux", "x86_64"}}, amd64) == 1);
    CHECK(chosen({{"Linux", "AMD64"}}, amd64) == 0);
    CHECK(chosen({{"", "amd64"}}, amd64) == 0);
}

TEST_CASE("what there is, is named") {
    CHECK(refusal({{"linux", "amd64"}, {"windows", "arm64"}, {"unknown", "unknown"}}, arm64) ==
          "the image is not for linux/arm64: it has linux/amd64, windows/arm64");
    CHECK(refusal({{"linux", "arm", "v7"}, {"linux", "arm64", "v9"}}, arm64) ==
          "the image is not for linux/arm64: it has linux/arm/v7, linux/arm64/v9");
    CHECK(refusal({}, arm64) == "the image is not for linux/arm64: it has no image at all");
}

TEST_CASE("the config is held against the platform") {
    const auto said = [](const std::string& os, const std::string& architecture, const oci::Platform& platform) {
        oci::ImageConfig config;
        config.os = os;
        config.architecture = architecture;
        std::set<std::string> there;
        return is_for(config, platform, there) ? "it is" : *there.begin();
    };
    CHECK(said("", "", amd64) == "no stated platform");
    CHECK(said("linux", "arm64", amd64) == "linux/arm64");
    CHECK(said("linux", "arm64", arm64) == "it is");
    CHECK(said("linux", "aarch64", arm64) == "it is");
    CHECK(said("windows", "arm64", arm64) == "windows/arm64");
}

TEST_SUITE_END();

}  // namespace wasmx::image
