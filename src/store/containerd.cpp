// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "base/error.hpp"
#include "engine/folder_reader.hpp"
#include "image/published.hpp"
#include "store/kinds.hpp"

namespace wasmx::store {

namespace {

constexpr std::uint64_t largest_manifest = 4 << 20;
constexpr const char* content_folder = "io.containerd.content.v1.content/blobs";

std::string path_of(const Digest& digest) { return "sha256/" + digest.hex(); }

class Containerd final : public Store {
public:
    Containerd(engine::Engine& engine, const std::string& blobs, const engine::ImageInfo& image,
               const oci::Platform& platform)
        : reader_(engine, image.id, {blobs}) {
        const image::ManifestSource source{
            .find_manifest = [&](const std::string& digest) { return find_manifest(Digest::parse(digest)); },
            .open_blob = [&](const oci::Descriptor& blob) { return open(blob); },
        };
        auto found = image::find_published(source, image.id, platform);
        if (!found) throw Error(Fault::not_found, fmt::format("{} does not have {}", blobs, image.id));
        if (found->config.diff_ids != image.diff_ids)
            throw Error(Fault::integrity, fmt::format("{} has other layers than the engine says", image.id));
        config_ = std::move(found->config_json);
        for (const oci::Descriptor& layer : found->manifest.layers) layers_.push_back(image::oci_form(layer));
    }

    const std::string& config() const override { return config_; }
    std::optional<oci::Descriptor> blob(std::size_t layer) const override { return layers_.at(layer); }
    bool has_layer(std::size_t layer) override { return reader_.has(0, path_of(layers_.at(layer).digest)); }
    OpenLayer open_layer(std::size_t layer) override { return {layers_.at(layer).size, open(layers_.at(layer))}; }

private:
    io::SourcePtr open(const oci::Descriptor& blob) {
        return io::verified(reader_.open_file(0, path_of(blob.digest)), blob.digest, blob.size);
    }

    std::optional<registry::FoundManifest> find_manifest(const Digest& digest) {
        try {
            std::string bytes = io::read_all(*reader_.open_file(0, path_of(digest)), largest_manifest);
            if (io::sha256(bytes) != digest)
                throw Error(Fault::integrity, fmt::format("the store's {} is damaged", digest.str()));
            return registry::FoundManifest{.bytes = std::move(bytes), .media_type = {}, .digest = digest};
        } catch (const Error& error) {
            if (error.fault() != Fault::not_found) throw;
            return std::nullopt;
        }
    }

    engine::FolderReader reader_;
    std::string config_;
    std::vector<oci::Descriptor> layers_;
};

}  // namespace

std::unique_ptr<Store> open_containerd(engine::Engine& engine, const std::string& root, const engine::ImageInfo& image,
                                       const oci::Platform& platform) {
    const auto open_at = [&](const std::string& folder) {
        return std::make_unique<Containerd>(engine, fmt::format("{}/{}", folder, content_folder), image, platform);
    };
    const auto is_elsewhere = [](const Error& error) {
        return error.fault() == Fault::not_found || error.fault() == Fault::failed || error.fault() == Fault::usage;
    };
    try {
        return open_at(root + "/containerd/daemon");
    } catch (const Error& error) {
        if (!is_elsewhere(error)) throw;
        try {
            return open_at("/var/lib/containerd");
        } catch (const Error& other) {
            if (!is_elsewhere(other)) throw;
        }
        throw;  // what is wrong where Docker says that it is
    }
}

}  // namespace wasmx::store
