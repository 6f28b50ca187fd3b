// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace wasmx {

/// A content digest, `sha256:<64 lower-case hex digits>`. Only sha256: it is the one algorithm that engines and
/// registries use. (OCI image-spec, descriptor.md#digests)
class Digest {
public:
    static constexpr std::size_t size = 32;

    Digest() = default;
    explicit Digest(const std::array<std::byte, size>& bytes) : bytes_(bytes) {}

    /// Throws Fault::integrity naming the text.
    static Digest parse(std::string_view text);
    static std::optional<Digest> try_parse(std::string_view text) noexcept;
    /// From 64 hex digits without the algorithm, as in file names of an exported image.
    static std::optional<Digest> from_hex(std::string_view hex) noexcept;

    std::string str() const;  ///< sha256:…
    std::string hex() const;  ///< the 64 digits
    /// As docker quotes the ID of a layer or an image: 6e1da99a44ea
    std::string short_id() const { return hex().substr(0, 12); }
    /// As people quote it: sha256:6e1da99a44ea
    std::string brief() const { return "sha256:" + short_id(); }

    auto operator<=>(const Digest&) const = default;  // NOLINT(modernize-use-nullptr): there is none (clang-tidy 14)

private:
    std::array<std::byte, size> bytes_{};
};

}  // namespace wasmx
