// SPDX-License-Identifier: Apache-2.0
#include "extract/extract.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"
#include "extract/search.hpp"

namespace wasmx::extract {

namespace {

// A layer on its way from the registry.
class Fetch final : public io::Source {
public:
    Fetch(io::SourcePtr blob, std::unique_ptr<Progress::Task> task, std::uint64_t& fetched)
        : blob_(std::move(blob)), task_(std::move(task)), fetched_(fetched) {}

    std::size_t read(std::span<std::byte> buffer) override {
        const std::size_t count = blob_->read(buffer);
        fetched_ += count;
        task_->advance(count);
        if (count == 0 && !buffer.empty() && !std::exchange(at_end_, true)) task_->done("verified");
        return count;
    }

private:
    io::SourcePtr blob_;
    std::unique_ptr<Progress::Task> task_;
    std::uint64_t& fetched_;
    bool at_end_ = false;
};

// Layers that a registry does not keep itself but names URLs for. (image-spec, layer.md, "Non-Distributable Layers";
// Docker's schema 2, "foreign" layers)
bool is_kept_elsewhere(const oci::Descriptor& layer) {
    return layer.media_type.find(".nondistributable.") != std::string::npos ||
           layer.media_type.find(".foreign.") != std::string::npos;
}

io::SourcePtr open_layer(registry::Repository& repository, const oci::Descriptor& layer, Progress& progress,
                         std::uint64_t& fetched) {
    if (is_kept_elsewhere(layer))
        throw Error(Fault::not_found, fmt::format("{} is a foreign layer ({}), which is kept outside the registry",
                                                  layer.digest.brief(), printable(layer.media_type)));
    auto task = progress.task(fmt::format("layer {} {}", layer.digest.brief(), human_bytes(layer.size)), layer.size);
    return std::make_unique<Fetch>(repository.open_blob(layer), std::move(task), fetched);
}

}  // namespace

Extracted extract_file(registry::Repository& repository, const image::Published& image, const std::string& path,
                       io::Sink& sink, Progress& progress) {
    Extracted out;
    for (const oci::Descriptor& layer : image.manifest.layers) out.image_size += layer.size;
    const Layers layers{.count = image.manifest.layers.size(), .open = [&](std::size_t index) {
                            return open_layer(repository, image.manifest.layers[index], progress, out.fetched);
                        }};
    Found found = in_context(fmt::format("looking for {}", printable(path)), [&] { return search(layers, path); });

    io::Tally tally;
    const auto content = io::digesting(found.content.body().open(), tally);
    io::copy(*content, sink);
    out.digest = tally.digest;
    out.size = tally.size;
    out.layer = found.layer + 1;
    out.sha256_file = std::move(found.sha256_file);
    return out;
}

}  // namespace wasmx::extract
