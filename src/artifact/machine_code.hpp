// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "oci/platform.hpp"

namespace wasmx::artifact {

/// How many instructions, of those that compilers put into every function, were seen in some bytes.
struct CodeMarkers {
    std::uint64_t arm64 = 0;
    std::uint64_t x86_64 = 0;
    std::uint64_t size = 0;  ///< bytes looked at

    /// Whose machine code the bytes are; nullopt when they have too few markers of either, or some of both.
    std::optional<oci::Architecture> architecture() const noexcept;
};
CodeMarkers markers_in(std::span<const std::byte> code) noexcept;

}  // namespace wasmx::artifact
