// SPDX-License-Identifier: Apache-2.0
#include "push/refused_types.hpp"

#include <doctest/doctest.h>

namespace wasmx::push {

TEST_SUITE_BEGIN("push");

TEST_CASE("a manifest that is refused for the types in it has a next step, and no other refusal has this one") {
    const auto refused = [](int status, const std::string& code) {
        return registry::Refused(Fault::failed, "PUT", "", status, {{code, ""}}, std::nullopt, false);
    };
    oci::Manifest gzip;
    gzip.media_type = std::string(oci::media_type::oci_manifest);
    gzip.layers.push_back(
        {.media_type = std::string(oci::media_type::oci_layer_gzip), .digest = {}, .size = 1, .annotations = {}});
    oci::Manifest zstd = gzip;
    zstd.layers[0].media_type = "application/vnd.oci.image.layer.v1.tar+zstd";
    for (const auto& [status, code] : {std::pair{400, "MANIFEST_INVALID"}, std::pair{415, "UNSUPPORTED"},
                                       std::pair{405, "UNSUPPORTED"}, std::pair{406, ""}, std::pair{415, ""}}) {
        CHECK(hint_of_refused_types(refused(status, code), zstd).find("--compression gzip") != std::string::npos);
        CHECK(hint_of_refused_types(refused(status, code), gzip).find("OCI manifests") != std::string::npos);
    }
    for (const auto& [status, code] : {std::pair{403, "DENIED"}, std::pair{400, "TAG_INVALID"}, std::pair{503, ""}})
        CHECK(hint_of_refused_types(refused(status, code), zstd).empty());
}

TEST_SUITE_END();

}  // namespace wasmx::push
