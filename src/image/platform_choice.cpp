// SPDX-License-Identifier: Apache-2.0
#include "image/platform_choice.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.hpp"

namespace wasmx::image {

namespace {

std::string platform_text(const std::string& os, const std::string& architecture, const std::string& variant) {
    if (os.empty() && architecture.empty()) return "no stated platform";
    return printable(fmt::format("{}/{}{}{}", os, architecture, variant.empty() ? "" : "/", variant));
}

// Some tools write the kernel's name of an architecture in place of Go's, or leave the system out; engines take either.
// (containerd platforms, normalizeArch, normalizeOS)
bool fits(const oci::Platform& platform, const std::string& os, const std::string& architecture) {
    return (os.empty() || lower(os) == oci::Platform::os()) &&
           oci::Platform::from_architecture(lower(architecture)) == platform;
}

// BuildKit lists an image's provenance beside it, under a platform that nobody asks for.
bool is_no_image(const oci::IndexEntry& entry) {
    return entry.is_attestation || (entry.os == "unknown" && entry.architecture == "unknown");
}

}  // namespace

Error wrong_platform(const oci::Platform& platform, std::set<std::string> there) {
    if (there.empty()) there.insert("no image at all");
    return {Fault::not_found,
            fmt::format("the image is not for {}: it has {}", platform.docker_platform(), fmt::join(there, ", ")),
            "name the platform you want with --platform, or an image for it"};
}

std::vector<oci::IndexEntry> candidates(const oci::Index& index, const oci::Platform& platform,
                                        std::set<std::string>& there) {
    std::vector<oci::IndexEntry> stated;
    std::vector<oci::IndexEntry> unstated;
    for (const oci::IndexEntry& entry : index.manifests) {
        if (is_no_image(entry)) continue;
        if (entry.os.empty() && entry.architecture.empty())
            unstated.push_back(entry);
        else if (!fits(platform, entry.os, entry.architecture) || !platform.is_plain(entry.variant))
            there.insert(platform_text(entry.os, entry.architecture, entry.variant));
        else
            stated.push_back(entry);
    }
    stated.insert(stated.end(), unstated.begin(), unstated.end());
    return stated;
}

bool is_for(const oci::ImageConfig& config, const oci::Platform& platform, std::set<std::string>& there) {
    if (fits(platform, config.os, config.architecture)) return true;
    there.insert(platform_text(config.os, config.architecture, {}));
    return false;
}

}  // namespace wasmx::image
