// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <filesystem>
#include <vector>

#include "base/error.hpp"
#include "base/text.hpp"
#include "engine/folder_reader.hpp"
#include "image/published.hpp"
#include "io/compression.hpp"
#include "io/file.hpp"
#include "io/tar.hpp"
#include "store/kinds.hpp"
#include "store/layer_files.hpp"
#include "store/tar_split.hpp"

namespace wasmx::store {

namespace {

// The folders that are mounted: what Docker knows of images, and the files of their layers.
constexpr std::size_t records = 0;
constexpr std::size_t files = 1;

constexpr std::uint64_t largest_record = 4096;

// (OCI image-spec, config.md, "Layer ChainID")
std::vector<Digest> chain_ids(const std::vector<Digest>& diff_ids) {
    std::vector<Digest> out;
    out.reserve(diff_ids.size());
    for (const Digest& diff_id : diff_ids)
        out.push_back(out.empty() ? diff_id : io::sha256(out.back().str() + " " + diff_id.str()));
    return out;
}

bool is_folder_name(std::string_view text) {
    constexpr std::string_view letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
    return !text.empty() && text.size() <= 128 && text.find_first_not_of(letters) == std::string_view::npos;
}

// What Docker records of a layer.
struct Record {
    std::string cache_id;    // the folder of its files
    std::uint64_t size = 0;  // of their contents
    io::TempFile recipe;     // of its tar, compressed
};

Record read_record(io::SourcePtr archive) {
    Record out;
    io::TarReader reader(*archive);
    while (const auto entry = reader.next()) {
        const std::string name = std::filesystem::path(entry->path).filename();
        const auto text = [&] { return std::string(trim(io::read_all(*reader.member(), largest_record))); };
        if (name == "cache-id") out.cache_id = text();
        if (name == "size") out.size = parse_number(text()).value_or(0);
        if (name != "tar-split.json.gz") continue;
        std::vector<std::byte> buffer(io::chunk_size);
        while (const std::size_t count = reader.read(buffer)) out.recipe.write(std::span(buffer).first(count));
    }
    if (!is_folder_name(out.cache_id) || out.recipe.size() == 0)
        throw Error(Fault::integrity, "the engine has no record of the layer that can be read");
    return out;
}

class Overlay2 final : public Store {
public:
    Overlay2(engine::Engine& engine, const std::string& root, const engine::ImageInfo& image)
        : reader_(engine, image.id, {root + "/image/overlay2", root + "/overlay2"}),
          chain_ids_(chain_ids(image.diff_ids)) {
        const Digest id = Digest::parse(image.id);
        config_ =
            io::read_all(*reader_.open_file(records, "imagedb/content/sha256/" + id.hex()), image::largest_config);
        if (io::sha256(config_) != id || oci::ImageConfig::parse(config_).diff_ids != image.diff_ids)
            throw Error(Fault::integrity, fmt::format("the engine's record of {} is of another image", id.str()));
    }

    const std::string& config() const override { return config_; }
    std::optional<oci::Descriptor> blob(std::size_t) const override { return std::nullopt; }
    bool has_layer(std::size_t layer) override { return reader_.has(records, record_of(layer) + "/tar-split.json.gz"); }

    OpenLayer open_layer(std::size_t layer) override {
        const Record record = read_record(reader_.open_tree(records, record_of(layer)));
        const std::string folder = record.cache_id + "/diff";
        auto contents = contents_of(
            {.archive = reader_.open_tree(files, folder), .open_one = [this, folder](const std::string& path) {
                 return reader_.open_file(files, folder + "/" + path);
             }});
        return {record.size, assembled(io::decompressed(record.recipe.body().open()), std::move(contents))};
    }

private:
    std::string record_of(std::size_t layer) const { return "layerdb/sha256/" + chain_ids_.at(layer).hex(); }

    engine::FolderReader reader_;
    const std::vector<Digest> chain_ids_;
    std::string config_;
};

}  // namespace

std::unique_ptr<Store> open_overlay2(engine::Engine& engine, const std::string& root, const engine::ImageInfo& image) {
    return std::make_unique<Overlay2>(engine, root, image);
}

}  // namespace wasmx::store
