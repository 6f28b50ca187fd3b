// SPDX-License-Identifier: Apache-2.0
#include "io/base64.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace wasmx::io {

namespace {

constexpr std::string_view standard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view url_safe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t group_bytes = 3;
constexpr std::size_t group_letters = 4;

constexpr std::array<int, 256> values_of(std::string_view alphabet) {
    std::array<int, 256> out{};
    for (auto& value : out) value = -1;
    for (std::size_t i = 0; i < alphabet.size(); ++i)
        out[static_cast<unsigned char>(alphabet[i])] = static_cast<int>(i);
    return out;
}
constexpr auto standard_values = values_of(standard);

std::string encode(std::string_view bytes, std::string_view alphabet) {
    std::string out;
    out.reserve((bytes.size() + group_bytes - 1) / group_bytes * group_letters);
    for (std::size_t at = 0; at < bytes.size(); at += group_bytes) {
        const std::string_view group = bytes.substr(at, group_bytes);
        std::uint32_t bits = 0;
        for (std::size_t i = 0; i < group_bytes; ++i)
            bits = bits << 8 | (i < group.size() ? static_cast<unsigned char>(group[i]) : 0U);
        for (std::size_t i = 0; i < group_letters; ++i)
            out += i <= group.size() ? alphabet[bits >> (18 - 6 * i) & 63] : '=';
    }
    return out;
}

}  // namespace

std::string base64_encode(std::string_view bytes) { return encode(bytes, standard); }
std::string base64url_encode(std::string_view bytes) { return encode(bytes, url_safe); }

std::optional<std::string> base64_decode(std::string_view text) {
    if (text.size() % group_letters != 0) return std::nullopt;
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    text.remove_suffix(padding);
    std::string out;
    out.reserve(text.size() / group_letters * group_bytes + group_bytes);
    std::uint32_t bits = 0;
    unsigned held = 0;  // bits that make no whole byte yet
    for (const char letter : text) {
        const int value = standard_values[static_cast<unsigned char>(letter)];
        if (value < 0) return std::nullopt;
        bits = bits << 6 | static_cast<std::uint32_t>(value);
        held += 6;
        if (held < 8) continue;
        held -= 8;
        out += static_cast<char>(bits >> held & 0xff);
        bits &= (1U << held) - 1;
    }
    if (bits != 0) return std::nullopt;
    return out;
}

}  // namespace wasmx::io
