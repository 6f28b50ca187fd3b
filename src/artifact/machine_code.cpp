// SPDX-License-Identifier: Apache-2.0
// Whose machine code some bytes are, by the instructions that begin and end functions. Each marker has at least 23
// fixed bits, so that other bytes hardly have one by chance.
//
// Counted: 1.6 MB of builtins of V8 10.2 for x86-64 have 7260 markers of their own, 4.4 a KiB, and none of AArch64's;
// 1.3 MB where those of the same V8 for AArch64 are have 7568, 5.7 a KiB, and none of x86-64's; 24 MB of other AArch64
// code have 2 of x86-64's, random bytes hardly one in 1 MB. The threshold is a sixteenth of what is there.
#include "artifact/machine_code.hpp"

#include <algorithm>
#include <array>

namespace wasmx::artifact {

namespace {

constexpr std::uint64_t least_markers = 4;
constexpr std::uint64_t bytes_per_marker = 4096;
constexpr std::uint64_t domination = 16;  // how many times as many as of the other

// Arm Architecture Reference Manual, C6.2. Instructions are aligned little-endian words; x29 and x30 are frame pointer
// and return address.
constexpr bool is_arm64_marker(std::uint32_t word) noexcept {
    constexpr std::uint32_t but_offset = 0xFFC07FFF;
    return word == 0xD65F03C0                     // ret
           || word == 0x910003FD                  // mov x29, sp
           || (word & but_offset) == 0xA9807BFD   // stp x29, x30, [sp, #n]!
           || (word & but_offset) == 0xA8C07BFD;  // ldp x29, x30, [sp], #n
}

using Four = std::array<unsigned, 4>;

// Intel SDM, volume 2. Compilers write `mov rbp, rsp` as 48 89 E5, V8's assembler as 48 8B EC. The bytes of `sub rsp`
// and of the long nop, which pads functions, say what follows.
constexpr bool is_x86_64_marker(const Four& b) noexcept {
    const bool is_frame =
        b[0] == 0x55 && b[1] == 0x48 && ((b[2] == 0x89 && b[3] == 0xE5) || (b[2] == 0x8B && b[3] == 0xEC));
    const bool is_unframe = b[0] == 0x48 && b[1] == 0x8B && b[2] == 0xE5 && b[3] == 0x5D;  // mov rsp, rbp; pop rbp
    const bool is_room = b[0] == 0x48 && (b[1] == 0x83 || b[1] == 0x81) && b[2] == 0xEC;   // sub rsp, n
    const bool is_end = b[0] == 0xC3 && b[1] == 0xCC && b[2] == 0xCC;                      // ret; int3; int3
    const bool is_nop = b[0] == 0x0F && b[1] == 0x1F &&
                        (b[2] == 0x00 || ((b[2] == 0x40 || b[2] == 0x44 || b[2] == 0x80 || b[2] == 0x84) && b[3] == 0));
    return is_frame || is_unframe || is_room || is_end || is_nop;
}

}  // namespace

CodeMarkers markers_in(std::span<const std::byte> code) noexcept {
    CodeMarkers out{.size = code.size()};
    for (std::size_t i = 0; i + 4 <= code.size(); ++i) {
        Four bytes{};
        for (std::size_t k = 0; k < 4; ++k) bytes[k] = std::to_integer<unsigned>(code[i + k]);
        if (is_x86_64_marker(bytes)) ++out.x86_64;
        const std::uint32_t word = bytes[0] | bytes[1] << 8 | bytes[2] << 16 | bytes[3] << 24;
        if (i % 4 == 0 && is_arm64_marker(word)) ++out.arm64;
    }
    return out;
}

std::optional<oci::Architecture> CodeMarkers::architecture() const noexcept {
    const std::uint64_t enough = std::max(least_markers, size / bytes_per_marker);
    if (arm64 >= enough && arm64 >= domination * x86_64) return oci::Architecture::arm64;
    if (x86_64 >= enough && x86_64 >= domination * arm64) return oci::Architecture::x86_64;
    return std::nullopt;
}

}  // namespace wasmx::artifact
