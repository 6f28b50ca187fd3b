// SPDX-License-Identifier: Apache-2.0
#include "oci/manifest.hpp"

#include <doctest/doctest.h>

#include "base/error.hpp"

namespace wasmx::oci {

TEST_SUITE_BEGIN("oci");

namespace {

std::string digest_of(char digit) { return "sha256:" + std::string(64, digit); }

std::string descriptor(const std::string& type, char digit, const std::string& more = {}) {
    return R"({"mediaType":")" + type + R"(","digest":")" + digest_of(digit) + R"(","size":7)" + more + "}";
}

const std::string manifest =
    R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":)" + descriptor("c", '1') +
    R"(,"layers":[)" + descriptor("l", '2') + "," + descriptor("l", '3', R"(,"annotations":{"a":"b"})") +
    R"(],"annotations":{"x":"y"}})";

template <class Parse>
Fault fault_of(Parse&& parse) {
    try {
        parse();
    } catch (const Error& error) {
        return error.fault();
    }
    return Fault::bug;
}

}  // namespace

TEST_CASE("a manifest, there and back") {
    const auto parsed = Manifest::parse(manifest);
    CHECK(parsed.media_type == media_type::oci_manifest);
    CHECK(parsed.config.media_type == "c");
    CHECK(parsed.config.size == 7);
    REQUIRE(parsed.layers.size() == 2);
    CHECK(parsed.layers[1].digest.str() == digest_of('3'));
    CHECK(parsed.layers[1].annotations.at("a") == "b");
    CHECK(parsed.annotations.at("x") == "y");
    const auto again = Manifest::parse(parsed.json());
    CHECK(again.layers == parsed.layers);
    CHECK(again.config == parsed.config);
    CHECK(again.json() == parsed.json());
}

TEST_CASE("an index, with BuildKit's provenance beside the images") {
    const auto index =
        Index::parse(R"({"schemaVersion":2,"manifests":[)" +
                     descriptor("m", '1', R"(,"platform":{"os":"linux","architecture":"arm64","variant":"v8"})") + "," +
                     descriptor("m", '2', R"(,"platform":{"os":"unknown","architecture":"unknown"})") + "," +
                     descriptor("m", '3', R"(,"annotations":{"vnd.docker.reference.type":"attestation-manifest"})") +
                     "," + descriptor("m", '4') + "]}");
    REQUIRE(index.manifests.size() == 4);
    CHECK(index.manifests[0].os == "linux");
    CHECK(index.manifests[0].architecture == "arm64");
    CHECK(index.manifests[0].variant == "v8");
    CHECK_FALSE(index.manifests[0].is_attestation);
    CHECK(index.manifests[1].is_attestation);
    CHECK(index.manifests[2].is_attestation);
    CHECK_FALSE(index.manifests[3].is_attestation);
    CHECK(index.manifests[3].os.empty());
}

TEST_CASE("which of the two it is") {
    const std::string index = R"({"schemaVersion":2,"manifests":[]})";
    CHECK(std::holds_alternative<Manifest>(parse_manifest(manifest, media_type::docker_manifest)));
    CHECK(std::holds_alternative<Manifest>(parse_manifest(manifest, "")));
    CHECK(std::holds_alternative<Manifest>(parse_manifest(manifest, "application/json")));
    CHECK(std::holds_alternative<Index>(parse_manifest(index, media_type::docker_list)));
    CHECK(
        std::holds_alternative<Index>(parse_manifest(index, "application/vnd.oci.image.index.v1+json; charset=utf-8")));
    CHECK(std::holds_alternative<Index>(parse_manifest(index, "text/plain")));
    CHECK(fault_of([] { parse_manifest(R"({"mediaType":"application/x-other"})", ""); }) == Fault::integrity);
}

TEST_CASE("hostile JSON is an integrity error, never another") {
    for (const std::string& text : std::vector<std::string>{
             "", "{", "[]", "7", "null", "{}", R"({"schemaVersion":1,"fsLayers":[]})", R"({"schemaVersion":"2"})",
             R"({"schemaVersion":2,"config":7,"layers":[]})",
             R"({"schemaVersion":2,"config":)" + descriptor("c", '1') + "}",
             R"({"schemaVersion":2,"config":)" + descriptor("c", 'x') + R"(,"layers":[]})",
             R"({"schemaVersion":2,"config":{"mediaType":"c","digest":")" + digest_of('1') +
                 R"(","size":-1},"layers":[]})",
             R"({"schemaVersion":2,"config":{"mediaType":"c","digest":")" + digest_of('1') +
                 R"(","size":1.5},"layers":[]})",
             R"({"schemaVersion":2,"config":)" + descriptor("c", '1') + R"(,"layers":[7]})",
             R"({"schemaVersion":2,"config":)" + descriptor("c", '1', R"(,"annotations":{"a":7})") + R"(,"layers":[]})",
             std::string(100000, '[')}) {
        CAPTURE(text.substr(0, 100));
        CHECK(fault_of([&] { Manifest::parse(text); }) == Fault::integrity);
        CHECK(fault_of([&] { parse_manifest(text, ""); }) == Fault::integrity);
    }
    for (const std::string text :
         {"{}", "[]", R"({"manifests":[7]})", R"({"manifests":[{"platform":{"os":7}}]})", "x"}) {
        CAPTURE(text);
        CHECK(fault_of([&] { Index::parse(text); }) == Fault::integrity);
    }
    for (const std::string text : {"{}", "[]", "x", R"({"rootfs":{"diff_ids":[7]}})",
                                   R"({"rootfs":{"diff_ids":["sha256:x"]}})", R"({"os":7,"rootfs":{"diff_ids":[]}})"}) {
        CAPTURE(text);
        CHECK(fault_of([&] { ImageConfig::parse(text); }) == Fault::integrity);
    }
}

TEST_CASE("an image and an artifact") {
    const auto is_image = [](const std::string& config) {
        return Manifest::parse(R"({"schemaVersion":2,"config":)" + descriptor(config, '1') + R"(,"layers":[]})")
            .is_image();
    };
    CHECK(is_image("application/vnd.oci.image.config.v1+json"));
    CHECK(is_image("application/vnd.docker.container.image.v1+json"));
    CHECK(is_image("application/octet-stream"));
    CHECK_FALSE(is_image("application/vnd.oci.empty.v1+json"));
    CHECK_FALSE(is_image("application/vnd.cncf.helm.config.v1+json"));
}

TEST_CASE("an image config") {
    const auto config = ImageConfig::parse(
        R"({"os":"linux","architecture":"arm64","config":{"Labels":{"a":"b"}},"rootfs":{"type":"layers","diff_ids":[")" +
        digest_of('1') +
        R"("]},"history":[{"created_by":"ADD","empty_layer":false},{"created_by":"ENV","empty_layer":true},{"created_by":null,"empty_layer":null}]})");
    CHECK(config.os == "linux");
    CHECK(config.architecture == "arm64");
    CHECK(config.labels.at("a") == "b");
    REQUIRE(config.diff_ids.size() == 1);
    REQUIRE(config.history.size() == 3);
    CHECK(config.history[1].empty_layer);
    CHECK_FALSE(config.history[2].empty_layer);
    CHECK(ImageConfig::parse(R"({"config":{"Labels":null},"rootfs":{"diff_ids":[]},"history":null})").labels.empty());
}

TEST_SUITE_END();

}  // namespace wasmx::oci
