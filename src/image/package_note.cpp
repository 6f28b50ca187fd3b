// SPDX-License-Identifier: Apache-2.0
#include "image/package_note.hpp"

#include "base/text.hpp"

namespace wasmx::image {

namespace {
constexpr const char* path_annotation = "dev.wasmx.package.path";
constexpr const char* size_annotation = "dev.wasmx.package.size";
constexpr const char* digest_annotation = "dev.wasmx.package.digest";
}  // namespace

void PackageNote::add_to(oci::Annotations& annotations) const {
    annotations[path_annotation] = path;
    annotations[size_annotation] = std::to_string(size);
    annotations[digest_annotation] = digest.str();
}

std::optional<PackageNote> PackageNote::find_in(const oci::Annotations& annotations) {
    const auto value_of = [&](const char* name) {
        const auto found = annotations.find(name);
        return found == annotations.end() ? std::string() : found->second;
    };
    const auto size = parse_number(value_of(size_annotation));
    const auto digest = Digest::try_parse(value_of(digest_annotation));
    std::string path = value_of(path_annotation);
    if (!path.starts_with('/') || !size || !digest) return std::nullopt;
    return PackageNote{.path = std::move(path), .size = *size, .digest = *digest};
}

}  // namespace wasmx::image
