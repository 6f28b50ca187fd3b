// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <utility>
#include <variant>

#include "base/error.hpp"
#include "extract/extract.hpp"
#include "extract/platform_choice.hpp"

namespace wasmx::extract {

namespace {

constexpr std::uint64_t largest_config = 8 << 20;
constexpr std::size_t most_layers = 512;

// Replaces `found` by the image for the platform if it is an index.
oci::Manifest manifest_of(registry::FoundManifest& found, registry::Repository& repository,
                          const oci::Platform& platform) {
    auto parsed = oci::parse_manifest(found.bytes, found.media_type);
    if (auto* manifest = std::get_if<oci::Manifest>(&parsed)) return std::move(*manifest);

    const Digest chosen = choose(std::get<oci::Index>(parsed), platform).descriptor.digest;
    auto inner = repository.find_manifest(chosen.str());
    if (!inner)
        throw Error(Fault::not_found, fmt::format("the index names {} for {}, which the registry does not have",
                                                  chosen.brief(), platform.docker_platform()));
    found = *std::move(inner);
    parsed = oci::parse_manifest(found.bytes, found.media_type);
    if (auto* manifest = std::get_if<oci::Manifest>(&parsed)) return std::move(*manifest);
    throw Error(Fault::integrity, "the image is an index inside an index");
}

oci::ImageConfig config_of(const oci::Manifest& manifest, registry::Repository& repository) {
    return in_context(fmt::format("reading the config {}", manifest.config.digest.brief()), [&] {
        const auto config = repository.open_blob(manifest.config);
        return oci::ImageConfig::parse(io::read_all(*config, largest_config));
    });
}

void check_layers(const Image& image) {
    const std::size_t count = image.manifest.layers.size();
    if (count > most_layers)
        throw Error(Fault::integrity, fmt::format("the image has {} layers, more than any engine makes", count));
    if (count != image.config.diff_ids.size())
        throw Error(Fault::integrity,
                    fmt::format("the manifest has {} layers, the config {}", count, image.config.diff_ids.size()));
}

}  // namespace

Image open_image(registry::Repository& repository, const oci::Reference& reference, const oci::Platform& platform) {
    return in_context(fmt::format("opening {}", reference.familiar()), [&] {
        auto found = repository.find_manifest(reference.manifest_key());
        if (!found) throw Error(Fault::not_found, fmt::format("the registry has no {}", reference.familiar()));
        Image image{.digest = {}, .manifest = manifest_of(*found, repository, platform), .config = {}};
        image.digest = found->digest;
        image.config = config_of(image.manifest, repository);
        check_platform(image.config, platform);
        check_layers(image);
        return image;
    });
}

}  // namespace wasmx::extract
