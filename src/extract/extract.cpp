// SPDX-License-Identifier: Apache-2.0
#include "extract/extract.hpp"

#include <fmt/format.h>

#include <exception>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"
#include "extract/search.hpp"
#include "io/read_ahead.hpp"

namespace wasmx::extract {

namespace {

// A layer on its way from the registry.
class Fetch final : public io::Source {
public:
    Fetch(io::SourcePtr blob, std::unique_ptr<Progress::Task> task, Fetched& fetched)
        : blob_(std::move(blob)), task_(std::move(task)), fetched_(fetched), exceptions_(std::uncaught_exceptions()) {}
    // Left early because the file was there, or because something failed, which is told elsewhere.
    ~Fetch() override {
        if (!at_end_ && std::uncaught_exceptions() == exceptions_) task_->done("as far as needed");
    }

    std::size_t read(std::span<std::byte> buffer) override {
        const std::size_t count = blob_->read(buffer);
        fetched_.bytes += count;
        task_->advance(count);
        if (count == 0 && !buffer.empty() && !std::exchange(at_end_, true)) task_->done("verified");
        return count;
    }

private:
    io::SourcePtr blob_;
    std::unique_ptr<Progress::Task> task_;
    Fetched& fetched_;
    int exceptions_;
    bool at_end_ = false;
};

// Received and held against the blob's digest by a thread of its own, while ours decompresses and digests the content.
class FetchAhead final : public io::Source {
public:
    explicit FetchAhead(io::SourcePtr fetch) : fetch_(std::move(fetch)), ahead_(*fetch_, batch) {}
    std::size_t read(std::span<std::byte> buffer) override { return ahead_.read(buffer); }

private:
    // So much may be fetched twice over beyond the end of a file that was looked for.
    static constexpr std::size_t batch = std::size_t{256} * 1024;

    io::SourcePtr fetch_;
    io::ReadAhead ahead_;
};

// Layers that a registry does not keep itself but names URLs for. (image-spec, layer.md, "Non-Distributable Layers";
// Docker's schema 2, "foreign" layers)
bool is_kept_elsewhere(const oci::Descriptor& layer) {
    return layer.media_type.find(".nondistributable.") != std::string::npos ||
           layer.media_type.find(".foreign.") != std::string::npos;
}

// Links lead back to layers that were read before, and there is no end to how often. Some megabytes do no harm.
void check_times(const oci::Descriptor& layer, unsigned times) {
    constexpr unsigned most_times = 8;
    constexpr std::uint64_t harmless = 4 << 20;
    if (times > most_times && layer.size > harmless)
        throw Error(Fault::integrity,
                    fmt::format("links lead more than {} times to the layer {} of {}", most_times, layer.digest.brief(),
                                human_bytes(layer.size)),
                    "name the file behind the links with --path");
}

io::SourcePtr open_layer(registry::Repository& repository, const oci::Descriptor& layer, Progress& progress,
                         Fetched& fetched) {
    // The registry may have been given it all the same. (dockerd, "allow-nondistributable-artifacts")
    if (is_kept_elsewhere(layer) && layer.data.empty() && !repository.has_blob(layer.digest))
        throw Error(Fault::not_found, fmt::format("{} is a foreign layer ({}), which is kept outside the registry",
                                                  layer.digest.brief(), printable(layer.media_type)));
    ++fetched.layers;
    auto task = progress.task(fmt::format("layer {} {}", layer.digest.brief(), human_bytes(layer.size)), layer.size);
    auto fetch = std::make_unique<Fetch>(image::open_blob(repository, layer), std::move(task), fetched);
    constexpr std::uint64_t least_ahead = 1 << 20;  // with less the thread costs more than it saves
    if (layer.size < least_ahead) return fetch;
    return std::make_unique<FetchAhead>(std::move(fetch));
}

std::uint64_t size_of_layers(const image::Published& image) {
    std::uint64_t out = 0;
    for (const oci::Descriptor& layer : image.manifest.layers) out += layer.size;
    return out;
}

Layers layers_of(registry::Repository& repository, const image::Published& image, Progress& progress,
                 Fetched& fetched) {
    return {.diff_ids = image.config.diff_ids,
            .open = [&repository, &image, &progress, &fetched,
                     times = std::vector<unsigned>(image.manifest.layers.size())](std::size_t index) mutable {
                check_times(image.manifest.layers[index], ++times[index]);
                return open_layer(repository, image.manifest.layers[index], progress, fetched);
            }};
}

// The newest layer whose step of the build speaks of the file or its folder. Only a clue: what the layers above did is
// not asked, so it is for a file whose digest is known.
std::optional<std::size_t> layer_by_history(const oci::ImageConfig& config, const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const std::string folder = path.substr(0, slash);
    std::optional<std::size_t> out;
    std::size_t layer = 0;
    for (const auto& step : config.history) {
        if (step.empty_layer) continue;
        if (step.created_by.find(path.substr(slash + 1)) != std::string::npos ||
            (!folder.empty() && step.created_by.find(folder) != std::string::npos))
            out = layer;
        ++layer;
    }
    return layer == config.diff_ids.size() ? out : std::nullopt;
}

}  // namespace

ExtractedFile extract_file(registry::Repository& repository, const image::Published& image, const std::string& path,
                           const std::optional<image::PackageNote>& note, const LayerLimits& limits,
                           Progress& progress) {
    ExtractedFile out;
    out.fetched.image_size = size_of_layers(image);
    Clues clues;
    if (note && steps_of(note->path) == steps_of(path)) {
        clues.promise = {.size = note->size, .digest = note->digest};
        clues.layer = layer_by_history(image.config, note->path);
    }
    Layers layers = layers_of(repository, image, progress, out.fetched);
    Found found = in_context(fmt::format("looking for {}", printable(path)),
                             [&] { return search(std::move(layers), path, limits, clues); });
    out.content = std::move(found.content);
    out.entry = {.size = out.content.size(), .mode = found.mode, .mtime = found.mtime, .layer = found.layer};
    out.entry.digest = found.digest;
    out.sha256_file = std::move(found.sha256_file);
    out.was_promised = found.was_promised;
    return out;
}

std::pair<Tree, Fetched> extract_tree(registry::Repository& repository, const image::Published& image,
                                      const Selection& selection, Content content, const LayerLimits& limits,
                                      Progress& progress, std::size_t lowest) {
    Fetched fetched{.image_size = size_of_layers(image)};
    const auto search_from = [&](std::size_t layer) {
        Layers layers = layers_of(repository, image, progress, fetched);
        layers.lowest = layer;
        return search_tree(std::move(layers), selection, content, limits);
    };
    if (lowest > 0) {
        try {
            Tree tree = search_from(lowest);
            if (!tree.entries.empty()) return {std::move(tree), fetched};
        } catch (const Error& error) {
            if (error.fault() != Fault::not_found) throw;
        }
    }
    return {search_from(0), fetched};
}

std::size_t lowest_layer_of(const oci::ImageConfig& config, bool (*is_ours)(std::string_view comment)) {
    std::size_t lowest = 0;
    std::size_t layer = 0;
    bool are_ours = false;
    for (const auto& step : config.history) {
        if (step.empty_layer) continue;
        const bool were_ours = std::exchange(are_ours, is_ours(step.comment));
        if (are_ours && !were_ours) lowest = layer;
        ++layer;
    }
    return are_ours && layer == config.diff_ids.size() ? lowest : 0;
}

}  // namespace wasmx::extract
