// SPDX-License-Identifier: Apache-2.0
#include "base/digest.hpp"

#include <fmt/format.h>

#include "base/error.hpp"

namespace wasmx {

namespace {
constexpr std::string_view algorithm = "sha256:";

int nibble(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;  // upper case is not canonical, and the specification forbids it
}
}  // namespace

std::optional<Digest> Digest::from_hex(std::string_view hex) noexcept {
    if (hex.size() != 2 * size) return std::nullopt;
    Digest digest;
    for (std::size_t i = 0; i < size; ++i) {
        const int high = nibble(hex[2 * i]);
        const int low = nibble(hex[2 * i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        digest.bytes_[i] = static_cast<std::byte>(high << 4 | low);
    }
    return digest;
}

std::optional<Digest> Digest::try_parse(std::string_view text) noexcept {
    if (!text.starts_with(algorithm)) return std::nullopt;
    return from_hex(text.substr(algorithm.size()));
}

Digest Digest::parse(std::string_view text) {
    if (auto digest = try_parse(text)) return *digest;
    throw Error(Fault::integrity, fmt::format("not a sha256 digest: \"{}\"", text.substr(0, 100)));
}

std::string Digest::hex() const {
    std::string out;
    out.reserve(2 * size);
    for (const std::byte b : bytes_) fmt::format_to(std::back_inserter(out), "{:02x}", std::to_integer<unsigned>(b));
    return out;
}

std::string Digest::str() const { return std::string(algorithm) + hex(); }

}  // namespace wasmx
