// SPDX-License-Identifier: Apache-2.0
#include "image/layer_cache.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/error.hpp"
#include "base/text.hpp"
#include "io/json.hpp"

namespace wasmx::image {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t most_json = 64 << 10;
constexpr std::uint64_t most_config = 16 << 20;

constexpr const char* forms_folder = "forms";

// Whoever can write here decides which blob is pushed as which layer. Root uses folders of others, as with `sudo -E`.
void check_owner(const fs::path& folder) {
    struct stat status {};
    if (::stat(folder.c_str(), &status) != 0) throw system_error("looking at " + folder.string(), errno);
    const bool is_ours = status.st_uid == ::geteuid() || ::geteuid() == 0;
    if (!is_ours || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        throw Error(Fault::config, fmt::format("{} can be written to by others", folder.string()));
}

std::optional<oci::Descriptor> parse_form(std::string_view text) {
    const auto json = io::try_parse_json(text);
    if (!json.is_object() || !json.contains("size") || !json["size"].is_number_unsigned()) return std::nullopt;
    try {
        return oci::Descriptor{.media_type = json.at("mediaType").get<std::string>(),
                               .digest = Digest::parse(json.at("digest").get<std::string>()),
                               .size = json.at("size").get<std::uint64_t>(),
                               .annotations = {}};
    } catch (const std::exception&) {  // of another version, or damaged: as good as not there
        return std::nullopt;
    }
}

std::string json_of(const oci::Descriptor& form) {
    return nlohmann::json{{"mediaType", form.media_type}, {"digest", form.digest.str()}, {"size", form.size}}.dump();
}

// Whole at once, and not synced: what a crash leaves of it is held against its digest, or parsed, by who finds it.
void put(const fs::path& path, const std::string& text) {
    io::TempFile file(path.parent_path());
    file.write(io::bytes_of(text));
    fs::remove(path);
    file.keep(path);
}

}  // namespace

template <class Work>
void LayerCache::attempt(Work&& work) {
    if (!usable_) return;
    try {
        work();
    } catch (const Error& error) {
        if (error.fault() == Fault::interrupted) throw;
        usable_ = false;
        warn_(fmt::format("the cache {} is not used any more: {}", folder_.string(), error.message()));
    } catch (const fs::filesystem_error& error) {
        usable_ = false;
        warn_(fmt::format("the cache {} is not used any more: {}", folder_.string(), printable(error.what())));
    }
}

LayerCache::LayerCache(fs::path folder, std::uint64_t limit, Warn warn)
    : folder_(std::move(folder)), limit_(limit), warn_(std::move(warn)), usable_(!folder_.empty()) {
    attempt([&] {
        fs::create_directories(folder_ / "blobs");
        fs::create_directories(folder_ / forms_folder);
        check_owner(folder_);
        fs::remove_all(folder_ / "layers");  // of versions that also believed what other images of a repository said
    });
    trim();  // of pushes that were killed
}

LayerCache::~LayerCache() { trim(); }

std::vector<oci::Descriptor> LayerCache::forms_of(const Digest& diff_id) {
    std::vector<oci::Descriptor> out;
    attempt([&] {
        const fs::path folder = folder_ / forms_folder / diff_id.hex();
        if (!fs::is_directory(folder)) return;
        for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
            if (entry.path().extension() != ".json") continue;
            const auto text = io::find_file(entry.path(), most_json);
            if (const auto form = text ? parse_form(*text) : std::nullopt) out.push_back(*form);
        }
    });
    // The folder's own order is any.
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.digest.hex() < b.digest.hex(); });
    return out;
}

void LayerCache::remember(const Digest& diff_id, const oci::Descriptor& form) {
    attempt([&] {
        const fs::path folder = folder_ / forms_folder / diff_id.hex();
        const fs::path path = folder / (form.digest.hex() + ".json");
        const auto text = io::find_file(path, most_json);
        if (text && parse_form(*text)) return;
        fs::create_directories(folder);
        put(path, json_of(form));
    });
}

std::optional<io::Body> LayerCache::find_blob(const oci::Descriptor& blob) {
    std::optional<io::Body> out;
    attempt([&] {
        const fs::path path = folder_ / "blobs" / blob.digest.hex();
        out = io::find_file_body(path);
        if (!out) return;
        if (out->size != blob.size) {
            fs::remove(path);
            return out.reset();
        }
        std::error_code ignored;  // only says which were used last
        fs::last_write_time(path, fs::file_time_type::clock::now(), ignored);
    });
    return out;
}

io::TempFile LayerCache::new_file() {
    std::optional<io::TempFile> out;
    attempt([&] { out.emplace(folder_ / "blobs"); });
    return out ? std::move(*out) : io::TempFile();
}

void LayerCache::keep(io::TempFile& file, const Digest& digest) {
    attempt([&] { file.keep(folder_ / "blobs" / digest.hex()); });
}

std::optional<std::string> LayerCache::find_config(const Digest& digest, std::uint64_t limit) {
    std::optional<std::string> out;
    attempt([&] { out = io::find_file(folder_ / "blobs" / digest.hex(), limit); });
    if (out && io::sha256(*out) != digest) {
        drop(digest);
        out.reset();
    }
    return out;
}

void LayerCache::keep_config(const std::string& config) {
    attempt([&] {
        const fs::path path = folder_ / "blobs" / io::sha256(config).hex();
        if (io::find_file(path, most_config) == config) return;
        put(path, config);
    });
}

void LayerCache::drop(const Digest& digest) {
    attempt([&] { fs::remove(folder_ / "blobs" / digest.hex()); });
}

// The oldest go first. Another process that reads one of them has it open; one that is about to look for it makes it
// anew.
void LayerCache::trim() noexcept {
    try {
        attempt([&] {
            struct Blob {
                fs::path path;
                std::uint64_t size;
                fs::file_time_type used;
            };
            std::vector<Blob> blobs;
            std::uint64_t total = 0;
            for (const fs::directory_entry& entry : fs::directory_iterator(folder_ / "blobs")) {
                std::error_code gone;
                const std::uint64_t size = entry.file_size(gone);
                const auto used = gone ? fs::file_time_type() : entry.last_write_time(gone);
                if (gone) continue;
                blobs.push_back({entry.path(), size, used});
                total += size;
            }
            std::sort(blobs.begin(), blobs.end(), [](const Blob& a, const Blob& b) { return a.used < b.used; });
            for (const Blob& blob : blobs) {
                if (total <= limit_) break;
                std::error_code gone;
                fs::remove(blob.path, gone);
                total -= blob.size;
            }
        });
    } catch (...) {  // it is larger than it should be, and the next push tries again
    }
}

}  // namespace wasmx::image
