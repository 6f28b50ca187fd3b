// SPDX-License-Identifier: Apache-2.0
#include "io/ar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error.hpp"
#include "base/text.hpp"

namespace wasmx::io {

namespace {

constexpr std::string_view magic = "!<arch>\n";
constexpr std::string_view thin_magic = "!<thin>\n";
constexpr std::uint64_t most_names = 16 << 20;  // bytes of GNU's table: V8's has some fifty thousand
constexpr std::uint64_t longest_name = 4096;

[[noreturn]] void damaged(std::string_view what) {
    throw Error(Fault::integrity, fmt::format("the static library is damaged: {}", what));
}

std::string_view field(std::string_view header, std::size_t at, std::size_t size) {
    return trim(header.substr(at, size));
}

}  // namespace

bool is_ar(std::string_view head) noexcept { return head.starts_with(magic) || head.starts_with(thin_magic); }

ArReader::ArReader(Source& source) : source_(source) {
    std::array<std::byte, magic.size()> bytes{};
    const std::string_view head = text_of(std::span(bytes).first(fill(bytes)));
    if (head == thin_magic)
        throw Error(Fault::integrity, "it is a thin archive, which names its members and does not hold them");
    if (head != magic) throw Error(Fault::integrity, "it is no static library");
}

std::size_t ArReader::fill(std::span<std::byte> buffer) {
    std::size_t filled = 0;
    while (filled < buffer.size()) {
        const std::size_t count = source_.read(buffer.subspan(filled));
        if (count == 0) break;
        filled += count;
    }
    return filled;
}

std::size_t ArReader::read(std::span<std::byte> buffer) {
    if (left_ == 0 || buffer.empty()) return 0;
    const std::size_t count = source_.read(buffer.first(std::min<std::uint64_t>(buffer.size(), left_)));
    if (count == 0) damaged("a member ends too early");
    left_ -= count;
    return count;
}

void ArReader::skip_member() {
    std::array<std::byte, 16384> buffer;
    while (read(buffer) > 0) {
    }
    // Some writers leave the last one away.
    if (std::exchange(padded_, false)) (void)fill(std::span(buffer).first(1));
}

std::string ArReader::take_text(std::uint64_t size, std::uint64_t limit) {
    if (size > limit || size > left_) damaged(fmt::format("{} bytes of names", size));
    std::string text(size, '\0');
    std::size_t filled = 0;
    while (filled < size) filled += read(std::as_writable_bytes(std::span(text)).subspan(filled));
    return text;
}

// An entry of GNU's table ends with "/\n", and a path may have "/" inside.
std::string ArReader::name_at(std::string_view offset) const {
    const auto at = parse_number(offset);
    if (!at || *at >= names_.size()) damaged(fmt::format("no name at {}", printable(offset)));
    const auto end = names_.find('\n', *at);
    std::string_view name = std::string_view(names_).substr(*at, end == std::string::npos ? longest_name : end - *at);
    if (name.ends_with('/')) name.remove_suffix(1);
    return std::string(name.substr(0, longest_name));
}

std::optional<ArMember> ArReader::next() {
    for (;;) {
        skip_member();
        std::array<std::byte, 60> bytes{};
        const std::size_t filled = fill(bytes);
        if (filled == 0) return std::nullopt;
        if (filled < bytes.size()) damaged("it ends too early");
        const std::string_view header = text_of(bytes);
        const auto size = parse_number(field(header, 48, 10));
        if (header.substr(58) != "`\n" || !size) damaged("something else stands where a member begins");
        left_ = *size;
        padded_ = *size % 2 == 1;

        std::string_view name = field(header, 0, 16);
        if (name == "/" || name == "/SYM64/") continue;
        if (name == "//") {
            names_ = take_text(*size, most_names);
            continue;
        }
        std::string full;
        if (name.starts_with("#1/")) {
            const auto length = parse_number(name.substr(3));
            if (!length) damaged(fmt::format("the name {}", printable(name)));
            full = take_text(*length, longest_name);
            full.resize(std::min(full.find('\0'), full.size()));
        } else if (name.starts_with('/')) {
            full = name_at(name.substr(1));
        } else {
            if (name.ends_with('/')) name.remove_suffix(1);
            full = name;
        }
        if (full.starts_with("__.SYMDEF")) continue;
        return ArMember{.name = std::move(full), .size = left_};
    }
}

}  // namespace wasmx::io
