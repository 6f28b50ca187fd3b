// SPDX-License-Identifier: Apache-2.0
#include "store/layer_files.hpp"

#include <unordered_map>
#include <unordered_set>

#include "base/error.hpp"
#include "base/text.hpp"
#include "io/tar.hpp"

namespace wasmx::store {

namespace {

// What a file that is held takes, about.
std::uint64_t cost_of(const std::string& path, std::uint64_t size) { return size + path.size() + 128; }

// "./a//b/" and "/a/b" are "a/b": tars name files in many ways, a folder has each once. What points above the layer is
// kept as it is, and not found.
std::string normal(std::string_view path) {
    std::string out;
    for (const std::string_view part : split(path, '/')) {
        if (part.empty() || part == ".") continue;
        if (!out.empty()) out += '/';
        out += part;
    }
    return out;
}

// Names that are remembered of files that came before their turn; more are hopeless.
constexpr std::size_t most_passed = 1 << 16;

[[noreturn]] void fail_for_order() {
    throw Error(Fault::integrity, "the layer has its files in another order than the engine reads them");
}

class LayerFiles final : public FileContents {
public:
    explicit LayerFiles(ArchiveOfFiles files) : files_(std::move(files)), reader_(*files_.archive) {}

    io::SourcePtr open(const std::string& name) override {
        const std::string path = normal(name);
        if (auto held = held_.extract(path)) {
            held_bytes_ -= cost_of(path, held.mapped().size());
            return io::from_string(std::move(held.mapped()));
        }
        if (!passed_.contains(path) && advance_to(path)) return reader_.member();
        return open_single(path);
    }

private:
    // Whether the archive is now at that file.
    bool advance_to(const std::string& path) {
        while (!is_at_end_) {
            const auto entry = reader_.next();
            if (!entry) {
                is_at_end_ = true;
                break;
            }
            using Type = io::TarEntry::Type;
            if (entry->type != Type::file && entry->type != Type::hardlink) continue;
            std::string found = normal(entry->path);
            if (entry->type == Type::file && found == path) return true;
            if (entry->type == Type::file && hold(found, entry->size)) continue;
            const bool is_wanted_now = found == path;
            passed_.insert(std::move(found));
            if (passed_.size() > most_passed) fail_for_order();
            if (is_wanted_now) return false;
        }
        return false;
    }

    bool hold(const std::string& path, std::uint64_t size) {
        if (size == 0) return true;  // the recipe has no content of it either
        if (cost_of(path, size) > files_.most_held - held_bytes_) return false;
        held_[path] = io::read_all(*reader_.member(), size);
        held_bytes_ += cost_of(path, size);
        return true;
    }

    io::SourcePtr open_single(const std::string& path) {
        if (++singles_ > files_.most_single) fail_for_order();
        return files_.open_one(path);
    }

    ArchiveOfFiles files_;
    io::TarReader reader_;
    bool is_at_end_ = false;
    std::unordered_map<std::string, std::string> held_;
    std::uint64_t held_bytes_ = 0;
    std::unordered_set<std::string> passed_;  // and not held
    std::size_t singles_ = 0;
};

}  // namespace

std::unique_ptr<FileContents> contents_of(ArchiveOfFiles files) {
    return std::make_unique<LayerFiles>(std::move(files));
}

}  // namespace wasmx::store
