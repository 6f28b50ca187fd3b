// SPDX-License-Identifier: Apache-2.0
#pragma once
// Archives made in memory, well-formed ones by the program's own writer and hostile ones by hand.

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "io/compression.hpp"
#include "io/tar.hpp"

namespace wasmx::test {

using Type = io::TarEntry::Type;

struct Member {
    Type type = Type::file;
    std::string path;
    std::string text;  ///< content of a file, target of a link
};

inline Member file(std::string path, std::string content) { return {Type::file, std::move(path), std::move(content)}; }
inline Member folder(std::string path) { return {Type::directory, std::move(path), {}}; }
inline Member symlink(std::string path, std::string to) { return {Type::symlink, std::move(path), std::move(to)}; }
inline Member hardlink(std::string path, std::string to) { return {Type::hardlink, std::move(path), std::move(to)}; }
/// `.wh.x` for a path that ends with x.
inline Member whiteout(const std::string& path) {
    const auto name = path.rfind('/') + 1;
    return file(path.substr(0, name) + ".wh." + path.substr(name), "");
}
/// The same as overlayfs stores it, a character device 0/0.
inline Member whiteout_device(std::string path) { return {Type::whiteout, std::move(path), {}}; }
inline Member opaque(const std::string& path) { return file(path + "/.wh..wh..opq", ""); }

using Members = std::vector<Member>;

inline std::string all_of(io::SourcePtr source) { return io::read_all(*source, 1 << 30); }

inline std::string tar(const Members& members) {
    return all_of(io::tar_of([&members, at = std::size_t{0}]() mutable -> std::optional<io::TarMember> {
        if (at == members.size()) return std::nullopt;
        const Member& member = members[at++];
        const bool is_file = member.type == Type::file;
        return io::TarMember{.entry = {.path = member.path,
                                       .type = member.type,
                                       .target = is_file ? std::string() : member.text,
                                       .size = is_file ? member.text.size() : 0,
                                       .mode = 0644},
                             .content = [text = member.text] { return io::from_string(text); }};
    }));
}

inline std::string gzipped(std::string bytes) { return all_of(io::compressed(io::from_string(std::move(bytes)))); }

/// A zstd frame that stores the bytes as they are. (RFC 8878, 3.1.1)
inline std::string zstd_stored(std::string_view bytes) {
    const auto little_endian = [](std::uint64_t value, int count) {
        std::string out;
        for (int i = 0; i < count; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
        return out;
    };
    std::string out("\x28\xb5\x2f\xfd\xe0", 5);  // magic; single segment, content size in 8 bytes
    out += little_endian(bytes.size(), 8);
    constexpr std::size_t largest_block = 128 * 1024;
    for (;;) {
        const std::string_view block = bytes.substr(0, largest_block);
        bytes.remove_prefix(block.size());
        out += little_endian(block.size() << 3 | (bytes.empty() ? 1 : 0), 3);  // raw block
        out += block;
        if (bytes.empty()) return out;
    }
}

/// Of the plain bytes, as an image's config has it; of what cannot be decompressed it is one that nothing has.
inline Digest diff_id_of(const std::string& blob) {
    try {
        return io::sha256(all_of(io::decompressed(io::from_string(blob))));
    } catch (const Error&) {
        return {};
    }
}

inline std::vector<Digest> diff_ids_of(const std::vector<std::string>& blobs) {
    std::vector<Digest> out;
    for (const std::string& blob : blobs) out.push_back(diff_id_of(blob));
    return out;
}

/// One header block of the ustar format, with any type and any claimed size: what eleven octal digits do not hold as
/// GNU's binary number. (POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar manual, "Extensions")
inline std::string raw_header(std::string_view name, char type, std::uint64_t size, std::string_view target = {},
                              std::uint64_t device = 0) {
    std::string block(512, '\0');
    const auto put = [&block](std::size_t at, std::string_view text) {
        std::copy(text.begin(), text.end(), block.begin() + static_cast<std::ptrdiff_t>(at));
    };
    const auto octal = [](std::uint64_t value, int digits) {
        std::string out(static_cast<std::size_t>(digits), '0');
        for (auto digit = out.rbegin(); digit != out.rend(); ++digit, value /= 8)
            *digit = static_cast<char>('0' + value % 8);
        return out;
    };
    put(0, name);
    put(100, octal(0644, 7));
    put(108, octal(0, 7));
    put(116, octal(0, 7));
    put(124, octal(size, 11));
    if (size >> 33 != 0) {
        block[124] = '\x80';
        for (std::size_t i = 0; i < 11; ++i) block[135 - i] = i < 8 ? static_cast<char>(size >> (8 * i) & 0xff) : '\0';
    }
    put(136, octal(0, 11));
    put(148, "        ");
    block[156] = type;
    put(157, target);
    put(257, std::string_view("ustar\0"
                              "00",
                              8));
    put(329, octal(device, 7));  // its major number; the minor one is 0
    std::uint64_t sum = 0;
    for (const char c : block) sum += static_cast<unsigned char>(c);
    put(148, octal(sum, 6) + std::string("\0 ", 2));
    return block;
}
/// A file of that name with its padding.
inline std::string raw_file(std::string_view name, const std::string& content, char type = '0') {
    return raw_header(name, type, content.size()) + content + std::string((512 - content.size() % 512) % 512, '\0');
}
/// A record for the member that follows: "SCHILY.xattr.trusted.overlay.opaque=y". (POSIX.1-2017, pax, "Extended
/// Header")
inline std::string raw_record(const std::string& text) {
    std::size_t size = text.size() + 3;  // a digit, a blank and the end of the line
    while (std::to_string(size).size() + text.size() + 2 != size) ++size;
    return raw_file("x", std::to_string(size) + " " + text + "\n", 'x');
}
inline std::string raw_end() { return std::string(1024, '\0'); }

}  // namespace wasmx::test
