// SPDX-License-Identifier: Apache-2.0
#include "image/folder_layer.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/error.hpp"
#include "base/text.hpp"

namespace wasmx::image {

namespace {

constexpr std::size_t block_size = 512;
constexpr std::uint64_t most_records = 1 << 20;

using Block = std::array<char, block_size>;
using Records = std::map<std::string, std::string>;  // docker writes them sorted

struct Field {
    std::size_t at;
    std::size_t size;
};
constexpr Field name_field{0, 100}, mode_field{100, 8}, size_field{124, 12}, sum_field{148, 8}, link_field{157, 100},
    user_field{265, 32}, group_field{297, 32}, major_field{329, 8}, minor_field{337, 8}, prefix_field{345, 155};
constexpr Field uid_field{108, 8}, gid_field{116, 8};
constexpr std::size_t type_at = 156;
constexpr char file_type = '0', hard_link = '1', character_device = '3', extended = 'x';

[[noreturn]] void fail(std::string_view what) {
    throw Error(Fault::integrity, fmt::format("the engine's archive of a layer's folder {}", what));
}

std::string text_in(const Block& block, Field field) {
    const std::string_view text(block.data() + field.at, field.size);
    return std::string(text.substr(0, text.find('\0')));
}

void set_text(Block& block, Field field, std::string_view text) {
    const auto begin = block.begin() + static_cast<std::ptrdiff_t>(field.at);
    std::fill_n(begin, field.size, '\0');
    std::copy_n(text.begin(), std::min(text.size(), field.size), begin);
}

std::uint64_t number_in(const Block& block, Field field) {
    const std::string digits = text_in(block, field);
    std::uint64_t out = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out, 8);
    if (error != std::errc() || end != digits.data() + digits.size()) fail("has a number that is none");
    return out;
}

void set_number(Block& block, Field field, std::uint64_t number) {
    set_text(block, field, fmt::format("{:0{}o}", number, field.size - 1));
}

void set_sum(Block& block) {
    set_text(block, sum_field, "        ");
    std::uint64_t sum = 0;
    for (const char c : block) sum += static_cast<unsigned char>(c);
    set_text(block, sum_field, fmt::format("{:06o}", sum));
    block[sum_field.at + sum_field.size - 1] = ' ';
}

bool is_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string ascii_of(std::string text) {
    std::erase_if(text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
    return text;
}

/// Where a long name is split into prefix and name, as Go's archive/tar does.
std::optional<std::size_t> split_of(std::string_view name) {
    if (name.size() <= name_field.size || !is_ascii(name)) return std::nullopt;
    std::size_t length = name.size();
    if (length > prefix_field.size + 1) {
        length = prefix_field.size + 1;
    } else if (name.back() == '/') {
        --length;
    }
    const std::size_t at = name.substr(0, length).rfind('/');
    if (at == std::string_view::npos || at == 0) return std::nullopt;
    const std::size_t rest = name.size() - at - 1;
    return rest > 0 && rest <= name_field.size && at <= prefix_field.size ? std::optional(at) : std::nullopt;
}

// "27 path=…\n": the length counts itself.
std::string text_of(const Records& records) {
    std::string out;
    for (const auto& [key, value] : records) {
        const std::string rest = fmt::format(" {}={}\n", key, value);
        std::size_t length = rest.size() + 1;
        while (fmt::formatted_size("{}", length) + rest.size() != length)
            length = fmt::formatted_size("{}", length) + rest.size();
        out += fmt::format("{}{}", length, rest);
    }
    return out;
}

Records records_of(std::string_view text) {
    Records out;
    while (!text.empty()) {
        const auto space = text.find(' ');
        const auto length = parse_number(text.substr(0, space));
        if (space == std::string_view::npos || !length || *length > text.size() || *length < space + 2)
            fail("has a record that is none");
        const std::string_view record = text.substr(space + 1, *length - space - 2);
        const auto equals = record.find('=');
        if (equals == std::string_view::npos) fail("has a record that is none");
        out.emplace(record.substr(0, equals), record.substr(equals + 1));
        text.remove_prefix(*length);
    }
    return out;
}

std::uint64_t padded(std::uint64_t size) { return (size + block_size - 1) / block_size * block_size; }

class FolderLayer final : public io::Source {
public:
    FolderLayer(io::Source& archive, OwnerNames names) : archive_(archive), names_(std::move(names)) {}

    std::size_t read(std::span<std::byte> buffer) override {
        while (at_ == made_.size() && left_ == 0 && !is_over_) next();
        if (at_ < made_.size()) {
            const std::size_t count = std::min(buffer.size(), made_.size() - at_);
            std::copy_n(io::bytes_of(made_).begin() + static_cast<std::ptrdiff_t>(at_), count, buffer.begin());
            at_ += count;
            return count;
        }
        if (left_ == 0 || buffer.empty()) return 0;
        const std::size_t count =
            archive_.read(buffer.first(static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), left_))));
        if (count == 0) fail("ends inside a file");
        left_ -= count;
        return count;
    }

private:
    void take(std::span<char> to) {
        while (!to.empty()) {
            const std::size_t count = archive_.read(std::as_writable_bytes(to));
            if (count == 0) fail("ends early");
            to = to.subspan(count);
        }
    }

    void next() {
        made_.clear();
        at_ = 0;
        Block header;
        take(header);
        if (header == Block{}) return end();
        std::optional<Block> extension;
        Records records;
        if (header[type_at] == extended) {
            extension = header;
            const std::uint64_t size = number_in(header, size_field);
            if (size > most_records) fail("has too many records");
            std::string text(padded(size), '\0');
            take(text);
            records = records_of(std::string_view(text).substr(0, size));
            take(header);
        }
        if (header[type_at] < '0' || header[type_at] > '6') fail("has an entry of a kind that docker does not write");
        const auto size = records.contains("size") ? parse_number(records["size"]) : number_in(header, size_field);
        if (!size) fail("has a size that is none");
        left_ = padded(*size);
        std::string name = name_of(header, records);
        if (name == top) {
            stores_names_ = !text_in(header, user_field).empty() || !text_in(header, group_field).empty();
            return;
        }
        name = in_image(name);
        std::string link = records.contains("linkpath") ? records["linkpath"] : text_in(header, link_field);
        if (header[type_at] == hard_link) link = in_image(link);
        // Linux has one inode for all whiteouts of a mount, so docker takes them for hard links, too.
        if (is_device(header)) hidden_.insert(name);
        if (hidden_.contains(header[type_at] == hard_link ? link : name)) name = make_whiteout(header, name);
        name_owners(header);
        write(header, extension, std::move(records), name, link);
    }

    void end() {
        io::drain(archive_);
        made_.assign(2 * block_size, '\0');
        is_over_ = true;
    }

    static std::string name_of(const Block& header, const Records& records) {
        if (const auto path = records.find("path"); path != records.end()) return path->second;
        const std::string prefix = text_in(header, prefix_field);
        return prefix.empty() ? text_in(header, name_field) : prefix + "/" + text_in(header, name_field);
    }

    static std::string in_image(const std::string& name) {
        if (!name.starts_with(top)) fail("is of another folder");
        return name.substr(top.size());
    }

    static bool is_device(const Block& header) {
        return header[type_at] == character_device && number_in(header, major_field) == 0 &&
               number_in(header, minor_field) == 0;
    }

    static std::string make_whiteout(Block& header, const std::string& name) {
        header[type_at] = file_type;
        set_number(header, mode_field, 0600);
        const std::size_t base = name.rfind('/') + 1;  // 0 without one
        return name.substr(0, base) + ".wh." + name.substr(base);
    }

    // Docker archives a container's files where it sees the container's /etc/group, or none; its layers it does not.
    void name_owners(Block& header) {
        if (!stores_names_) return;
        set_text(header, user_field, name_of(number_in(header, uid_field), names_.user, users_));
        set_text(header, group_field, name_of(number_in(header, gid_field), names_.group, groups_));
    }

    // Asked once for each: the machine may read a file for every answer.
    static const std::string& name_of(std::uint64_t id, const std::function<std::string(std::uint64_t)>& find,
                                      std::map<std::uint64_t, std::string>& found) {
        const auto known = found.find(id);
        return known != found.end() ? known->second : found.emplace(id, find(id)).first->second;
    }

    // As Go's archive/tar does it: records only for what a header does not hold, all of them once there is one.
    void write(Block& header, std::optional<Block>& extension, Records records, const std::string& name,
               const std::string& link) {
        records.erase("path");
        records.erase("linkpath");
        const auto split = split_of(name);
        const bool is_long = name.size() > name_field.size || !is_ascii(name);
        const bool is_link_long = link.size() > link_field.size || !is_ascii(link);
        const bool has_records = !records.empty() || (is_long && !split) || is_link_long;
        set_text(header, prefix_field, {});
        if (has_records) {
            if (!extension) fail("has a name that is longer without its folder");
            if (is_long) records["path"] = name;
            if (is_link_long) records["linkpath"] = link;
            write_records(*extension, text_of(records), name);
            set_text(header, name_field, ascii_of(name));
        } else if (split) {
            set_text(header, prefix_field, std::string_view(name).substr(0, *split));
            set_text(header, name_field, std::string_view(name).substr(*split + 1));
        } else {
            set_text(header, name_field, name);
        }
        set_text(header, link_field, ascii_of(link));
        set_sum(header);
        made_.append(header.data(), header.size());
    }

    void write_records(Block& header, std::string text, const std::string& name) {
        const std::size_t base = name.rfind('/') + 1;
        std::string path = ascii_of(name.substr(0, base) + "PaxHeaders.0/" + name.substr(base));
        path.resize(std::min(path.size(), name_field.size));
        while (path.ends_with('/')) path.pop_back();
        set_text(header, name_field, path);
        set_text(header, prefix_field, {});
        set_number(header, size_field, text.size());
        set_sum(header);
        made_.append(header.data(), header.size());
        text.resize(padded(text.size()));
        made_ += text;
    }

    static constexpr std::string_view top = "./";

    io::Source& archive_;
    const OwnerNames names_;
    std::map<std::uint64_t, std::string> users_, groups_;
    bool stores_names_ = false;
    std::set<std::string> hidden_;  // by whiteouts that are no links
    bool is_over_ = false;
    std::string made_;  // to be given out, before what is left of a file
    std::size_t at_ = 0;
    std::uint64_t left_ = 0;  // to be passed on, with its padding
};

// By number, where the machine has a name for it. (getpwuid_r(3), getgrgid_r(3))
template <typename Record, typename Find>
std::string name_found(Find find, char* Record::*name) {
    constexpr std::size_t enough = std::size_t{64} << 10;
    Record record{};
    Record* found = nullptr;
    std::vector<char> buffer(enough);
    return find(&record, buffer.data(), buffer.size(), &found) == 0 && found != nullptr ? found->*name : "";
}

}  // namespace

OwnerNames names_of_this_machine() {
    return {.user =
                [](std::uint64_t uid) {
                    return name_found<passwd>([&](auto... to) { return ::getpwuid_r(static_cast<uid_t>(uid), to...); },
                                              &passwd::pw_name);
                },
            .group =
                [](std::uint64_t gid) {
                    return name_found<group>([&](auto... to) { return ::getgrgid_r(static_cast<gid_t>(gid), to...); },
                                             &group::gr_name);
                }};
}

io::SourcePtr layer_of_folder(io::Source& archive, OwnerNames names) {
    return std::make_unique<FolderLayer>(archive, std::move(names));
}

}  // namespace wasmx::image
