// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/stream.hpp"

namespace wasmx::io {

/// What the first bytes of an ELF file say of the machine. (System V ABI, "ELF Header")
struct ElfHeader {
    bool is_64_bit_little_endian = false;  ///< as all of ours are; without it the other two are not read
    bool is_relocatable = false;           ///< ET_REL: what a compiler makes for a linker
    std::uint16_t machine = 0;             ///< e_machine
};
inline constexpr std::size_t elf_header_size = 64;

/// nullopt when the bytes, at least `elf_header_size` of them, are not those of an ELF file.
std::optional<ElfHeader> find_elf_header(std::span<const std::byte> head) noexcept;

/// "x86-64", "AArch64", "machine 40"
std::string elf_machine_name(std::uint16_t machine);

/// Names to look for in the symbols of many objects.
class ElfNames {
public:
    explicit ElfNames(std::vector<std::string> names);

    /// Sorted, each once.
    const std::vector<std::string>& all() const noexcept { return names_; }
    /// The place among them of the one that stands at the beginning of the bytes, ended by a zero; nullopt when none
    /// does.
    std::optional<std::size_t> find_at_start(std::string_view bytes) const noexcept;

private:
    std::vector<std::string> names_;
    std::size_t longest_ = 0;
    std::array<bool, 256> begins_{};  // whether one begins with the byte
};

/// What an object has under a name: nothing, or a reference to what others define; what is local, or has no place yet
/// (common); what other objects are linked with.
enum class ElfDefinition { none, other, linkable };

/// For each of the names in their order, in one pass over the symbols of a relocatable object. Throws as
/// `find_elf_symbol` does.
std::vector<ElfDefinition> elf_definitions(std::span<const std::byte> object, const ElfNames& names);

/// The bytes of a symbol that a relocatable object defines, up to the end of its section when it has no size; nullopt
/// when the object does not define it. Throws Fault::integrity when the object is damaged, or not 64-bit little-endian.
std::optional<std::span<const std::byte>> find_elf_symbol(std::span<const std::byte> object, std::string_view name);

}  // namespace wasmx::io
