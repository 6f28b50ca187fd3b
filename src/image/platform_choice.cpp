// SPDX-License-Identifier: Apache-2.0
#include "image/platform_choice.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

#include "base/error.hpp"
#include "base/text.hpp"

namespace wasmx::image {

namespace {

std::string platform_text(const std::string& os, const std::string& architecture, const std::string& variant) {
    if (os.empty() && architecture.empty()) return "no stated platform";
    return printable(fmt::format("{}/{}{}{}", os, architecture, variant.empty() ? "" : "/", variant));
}

bool fits(const oci::Platform& platform, const std::string& os, const std::string& architecture) {
    return os == oci::Platform::os() && architecture == platform.docker_arch();
}

// v8 is the only variant of arm64 and v1 the plainest of amd64: each means the same as none. (image-index.md, "Platform
// Variants")
bool is_plain(const oci::Platform& platform, const std::string& variant) {
    return variant.empty() || variant == (platform.architecture() == oci::Architecture::arm64 ? "v8" : "v1");
}

Error wrong_platform(const oci::Platform& platform, const std::set<std::string>& there) {
    return {Fault::not_found,
            fmt::format("the image is not for {}: it has {}", platform.docker_platform(), fmt::join(there, ", ")),
            "name the platform you want with --platform, or an image for it"};
}

// BuildKit lists an image's provenance beside it, under a platform that nobody asks for.
bool is_no_image(const oci::IndexEntry& entry) {
    return entry.is_attestation || (entry.os == "unknown" && entry.architecture == "unknown");
}

}  // namespace

const oci::IndexEntry& choose(const oci::Index& index, const oci::Platform& platform) {
    std::set<std::string> there;
    for (const oci::IndexEntry& entry : index.manifests) {
        if (is_no_image(entry)) continue;
        if (fits(platform, entry.os, entry.architecture) && is_plain(platform, entry.variant)) return entry;
        there.insert(platform_text(entry.os, entry.architecture, entry.variant));
    }
    if (there.empty()) there.insert("no image at all");
    throw wrong_platform(platform, there);
}

void check_platform(const oci::ImageConfig& config, const oci::Platform& platform) {
    if (!fits(platform, config.os, config.architecture))
        throw wrong_platform(platform, {platform_text(config.os, config.architecture, {})});
}

}  // namespace wasmx::image
