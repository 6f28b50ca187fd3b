// SPDX-License-Identifier: Apache-2.0
#include "image/published.hpp"

#include <fmt/format.h>

#include <utility>
#include <variant>

#include "base/error.hpp"
#include "image/platform_choice.hpp"

namespace wasmx::image {

namespace {

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

void read_config(Published& image, registry::Repository& repository) {
    in_context(fmt::format("reading the config {}", image.manifest.config.digest.brief()), [&] {
        image.config_json = io::read_all(*repository.open_blob(image.manifest.config), largest_config);
        image.config = oci::ImageConfig::parse(image.config_json);
    });
}

void check_layers(const Published& image) {
    const std::size_t count = image.manifest.layers.size();
    if (count > most_layers)
        throw Error(Fault::integrity, fmt::format("the image has {} layers, more than any engine makes", count));
    if (count != image.config.diff_ids.size())
        throw Error(Fault::integrity,
                    fmt::format("the manifest has {} layers, the config {}", count, image.config.diff_ids.size()));
}

}  // namespace

oci::Descriptor oci_form(oci::Descriptor layer) {
    layer.annotations.clear();
    namespace type = oci::media_type;
    if (layer.media_type == type::docker_layer_gzip) layer.media_type = type::oci_layer_gzip;
    if (layer.media_type == type::docker_layer_zstd) layer.media_type = type::oci_layer_zstd;
    if (layer.media_type == type::docker_layer_tar) layer.media_type = type::oci_layer_tar;
    return layer;
}

std::optional<Published> find_published(registry::Repository& repository, const oci::Reference& reference,
                                        const oci::Platform& platform) {
    return in_context(fmt::format("opening {}", reference.familiar()), [&]() -> std::optional<Published> {
        auto found = repository.find_manifest(reference.manifest_key());
        if (!found) return std::nullopt;
        Published image{
            .digest = {}, .manifest = manifest_of(*found, repository, platform), .config = {}, .config_json = {}};
        image.digest = found->digest;
        read_config(image, repository);
        check_platform(image.config, platform);
        check_layers(image);
        return image;
    });
}

Published open_published(registry::Repository& repository, const oci::Reference& reference,
                         const oci::Platform& platform) {
    if (auto image = find_published(repository, reference, platform)) return *std::move(image);
    throw Error(Fault::not_found, fmt::format("the registry has no {}", reference.familiar()));
}

}  // namespace wasmx::image
