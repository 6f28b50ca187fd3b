// SPDX-License-Identifier: Apache-2.0
#include "store/tar_split.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstring>

#include "base/error.hpp"
#include "base/text.hpp"
#include "io/base64.hpp"
#include "io/json.hpp"
#include "io/lines.hpp"

namespace wasmx::store {

namespace {

// The padding at the end of a tar is one entry, however long it is.
constexpr std::size_t longest_line = 16 << 20;

[[noreturn]] void fail(std::string_view what) {
    throw Error(Fault::integrity, fmt::format("the layer's recipe {}", what));
}

std::string decoded(const nlohmann::json& entry, const char* key) {
    const auto found = entry.find(key);
    if (found == entry.end() || found->is_null()) return {};
    if (!found->is_string()) fail(fmt::format("has a {} that is no text", key));
    auto bytes = io::base64_decode(found->get_ref<const std::string&>());
    if (!bytes) fail(fmt::format("has a {} that is not base64", key));
    return *std::move(bytes);
}

// A name that is not UTF-8 is under a key of its own.
std::string name_of(const nlohmann::json& entry) {
    if (const auto name = entry.find("name");
        name != entry.end() && name->is_string() && !name->get_ref<const std::string&>().empty())
        return name->get<std::string>();
    return decoded(entry, "name_raw");
}

class Assembled final : public io::Source {
public:
    Assembled(io::SourcePtr recipe, std::unique_ptr<FileContents> files)
        : recipe_(std::move(recipe)), lines_(*recipe_, longest_line), files_(std::move(files)) {}

    std::size_t read(std::span<std::byte> buffer) override {
        if (buffer.empty()) return 0;
        for (;;) {
            if (at_ < bytes_.size()) {
                const std::size_t count = std::min(buffer.size(), bytes_.size() - at_);
                std::memcpy(buffer.data(), bytes_.data() + at_, count);
                at_ += count;
                return count;
            }
            if (content_ != nullptr) {
                if (const std::size_t count = read_content(buffer); count > 0) return count;
                continue;
            }
            if (!next_entry()) return 0;
        }
    }

private:
    std::size_t read_content(std::span<std::byte> buffer) {
        const std::size_t count = content_->read(buffer);
        if (count > left_ || (count == 0 && left_ > 0))
            throw Error(Fault::integrity, fmt::format("the file {} has changed its size", printable(name_)));
        left_ -= count;
        if (count == 0) content_.reset();
        return count;
    }

    bool next_entry() {
        const auto line = lines_.next();
        if (!line) return false;
        if (line->empty()) return true;
        const auto entry = io::try_parse_json(*line);
        if (!entry.is_object() || !entry.contains("type") || !entry["type"].is_number_integer())
            fail("is not tar-split's");
        constexpr int file = 1;
        constexpr int segment = 2;
        switch (entry["type"].get<int>()) {
            case segment:
                bytes_ = decoded(entry, "payload");
                at_ = 0;
                return true;
            case file: {
                const auto size = entry.find("size");
                if (size == entry.end()) return true;  // a folder, a link, an empty file
                if (!size->is_number_unsigned()) fail("has a size that is none");
                left_ = size->get<std::uint64_t>();
                if (left_ == 0) return true;
                name_ = name_of(entry);
                if (name_.empty()) fail("has a file without a name");
                content_ = files_->open(name_);
                return true;
            }
            default: fail("has an entry of an unknown type");
        }
    }

    io::SourcePtr recipe_;
    io::LineReader lines_;
    std::unique_ptr<FileContents> files_;
    std::string bytes_;
    std::size_t at_ = 0;
    io::SourcePtr content_;  // reads from files_, so it goes first
    std::uint64_t left_ = 0;
    std::string name_;
};

}  // namespace

io::SourcePtr assembled(io::SourcePtr recipe, std::unique_ptr<FileContents> files) {
    return std::make_unique<Assembled>(std::move(recipe), std::move(files));
}

}  // namespace wasmx::store
