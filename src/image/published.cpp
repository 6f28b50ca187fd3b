// SPDX-License-Identifier: Apache-2.0
#include "image/published.hpp"

#include <fmt/format.h>

#include <set>
#include <utility>
#include <variant>

#include "base/error.hpp"
#include "base/text.hpp"
#include "image/platform_choice.hpp"

namespace wasmx::image {

namespace {

constexpr std::size_t most_layers = 512;
constexpr unsigned most_indexes = 4;  // one in the other
constexpr unsigned most_asked = 64;   // entries, of all of them

/// The way from a reference down to the image for the platform.
class Descent {
public:
    Descent(const ManifestSource& source, const oci::Platform& platform) : source_(source), platform_(platform) {}

    /// Throws Fault::not_found, naming what there is.
    Published image(registry::FoundManifest top) {
        if (auto image = find_image(std::move(top), 0)) return *std::move(image);
        if (missing_)
            throw Error(Fault::not_found,
                        fmt::format("the index names {} for {}, which is not there", missing_->brief(),
                                    platform_.docker_platform()),
                        "push that platform again, or name the image by another tag");
        if (there_.empty() && !artifact_type_.empty())
            throw Error(Fault::not_found,
                        fmt::format("it is an artifact of the type {}, not an image", printable(artifact_type_)),
                        "name an image; `oras pull` downloads the files of an artifact");
        throw wrong_platform(platform_, std::move(there_));
    }

private:
    // nullopt: it is none, or not for the platform.
    std::optional<Published> find_image(registry::FoundManifest found, unsigned depth) {
        auto parsed = oci::parse_manifest(found.bytes, found.media_type);
        if (const auto* index = std::get_if<oci::Index>(&parsed)) return find_in(*index, depth + 1);
        Published image{.digest = found.digest,
                        .manifest = std::get<oci::Manifest>(std::move(parsed)),
                        .config = {},
                        .config_json = {}};
        if (!image.manifest.is_image()) {
            const std::string& stated = image.manifest.artifact_type;
            artifact_type_ = stated.empty() ? image.manifest.config.media_type : stated;
            return std::nullopt;
        }
        read_config(image);
        if (!is_for(image.config, platform_, there_)) return std::nullopt;
        return image;
    }

    // (image-index.md: an entry may itself be an index)
    std::optional<Published> find_in(const oci::Index& index, unsigned depth) {
        if (depth > most_indexes) throw Error(Fault::integrity, "the image is an index inside of too many indexes");
        for (const oci::IndexEntry& entry : candidates(index, platform_, there_)) {
            if (++asked_ > most_asked) throw Error(Fault::integrity, "the index has too many entries to ask each");
            auto found = find_manifest(entry.descriptor);
            if (!found) {
                missing_ = entry.descriptor.digest;
                continue;
            }
            if (auto image = find_image(*std::move(found), depth)) return image;
        }
        return std::nullopt;
    }

    std::optional<registry::FoundManifest> find_manifest(const oci::Descriptor& row) {
        if (row.data.empty()) return source_.find_manifest(row.digest.str());
        return registry::FoundManifest{.bytes = row.data, .media_type = row.media_type, .digest = row.digest};
    }

    void read_config(Published& image) {
        in_context(fmt::format("reading the config {}", image.manifest.config.digest.brief()), [&] {
            image.config_json = io::read_all(*source_.open_blob(image.manifest.config), largest_config);
            image.config = oci::ImageConfig::parse(image.config_json);
        });
    }

    const ManifestSource& source_;
    const oci::Platform& platform_;
    std::set<std::string> there_;
    std::optional<Digest> missing_;
    std::string artifact_type_;
    unsigned asked_ = 0;
};

void check_layers(const Published& image) {
    const std::size_t count = image.manifest.layers.size();
    if (count > most_layers)
        throw Error(Fault::integrity, fmt::format("the image has {} layers, more than any engine makes", count));
    if (count != image.config.diff_ids.size())
        throw Error(Fault::integrity,
                    fmt::format("the manifest has {} layers, the config {}", count, image.config.diff_ids.size()));
}

}  // namespace

io::SourcePtr open_blob(registry::Repository& repository, const oci::Descriptor& blob) {
    return blob.data.empty() ? repository.open_blob(blob) : io::from_string(blob.data);
}

oci::Descriptor oci_form(oci::Descriptor layer) {
    layer.annotations.clear();
    layer.data.clear();
    namespace type = oci::media_type;
    if (layer.media_type == type::docker_layer_gzip) layer.media_type = type::oci_layer_gzip;
    if (layer.media_type == type::docker_layer_zstd) layer.media_type = type::oci_layer_zstd;
    if (layer.media_type == type::docker_layer_tar) layer.media_type = type::oci_layer_tar;
    return layer;
}

std::optional<Published> find_published(const ManifestSource& source, const std::string& tag_or_digest,
                                        const oci::Platform& platform) {
    auto found = source.find_manifest(tag_or_digest);
    if (!found) return std::nullopt;
    Published image = Descent(source, platform).image(*std::move(found));
    check_layers(image);
    return image;
}

std::optional<Published> find_published(registry::Repository& repository, const oci::Reference& reference,
                                        const oci::Platform& platform) {
    const ManifestSource source{
        .find_manifest = [&](const std::string& key) { return repository.find_manifest(key); },
        .open_blob = [&](const oci::Descriptor& blob) { return open_blob(repository, blob); },
    };
    return in_context(fmt::format("opening {}", reference.familiar()),
                      [&] { return find_published(source, reference.manifest_key(), platform); });
}

Published open_published(registry::Repository& repository, const oci::Reference& reference,
                         const oci::Platform& platform) {
    if (auto image = find_published(repository, reference, platform)) return *std::move(image);
    throw Error(Fault::not_found, fmt::format("the registry has no {}", reference.familiar()));
}

}  // namespace wasmx::image
