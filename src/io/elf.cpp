// SPDX-License-Identifier: Apache-2.0
#include "io/elf.hpp"

#include <fmt/format.h>
#include <gelf.h>
#include <libelf.h>

#include <cstddef>

#include "base/error.hpp"

namespace wasmx::io {

namespace {

struct EndElf {
    void operator()(Elf* elf) const noexcept { elf_end(elf); }
};

[[noreturn]] void damaged(std::string_view what) {
    throw Error(Fault::integrity, fmt::format("the object is damaged: {}", what));
}

[[noreturn]] void damaged_by_libelf() {
    const char* text = elf_errmsg(-1);
    damaged(text == nullptr ? "no reason given" : text);
}

unsigned byte_at(std::span<const std::byte> bytes, std::size_t at) noexcept {
    return std::to_integer<unsigned>(bytes[at]);
}

unsigned half_at(std::span<const std::byte> bytes, std::size_t at) noexcept {
    return byte_at(bytes, at) | byte_at(bytes, at + 1) << 8;
}

std::span<const std::byte> bytes_of_symbol(Elf* elf, std::span<const std::byte> object, const GElf_Sym& symbol) {
    if (symbol.st_shndx >= SHN_LORESERVE) damaged("the symbol is in no section");
    Elf_Scn* section = elf_getscn(elf, symbol.st_shndx);
    GElf_Shdr header;
    if (section == nullptr || gelf_getshdr(section, &header) == nullptr) damaged_by_libelf();
    if (header.sh_type == SHT_NOBITS) damaged("the symbol is in a section without bytes");
    if (header.sh_offset > object.size() || header.sh_size > object.size() - header.sh_offset)
        damaged("the symbol's section goes beyond the file");
    if (symbol.st_value > header.sh_size || symbol.st_size > header.sh_size - symbol.st_value)
        damaged("the symbol goes beyond its section");
    const std::uint64_t size = symbol.st_size != 0 ? symbol.st_size : header.sh_size - symbol.st_value;
    return object.subspan(header.sh_offset + symbol.st_value, size);
}

std::string_view bytes_of_section(Elf_Scn* section) {
    const Elf_Data* data = section == nullptr ? nullptr : elf_rawdata(section, nullptr);
    if (data == nullptr) damaged_by_libelf();
    return {static_cast<const char*>(data->d_buf), data->d_buf == nullptr ? 0 : data->d_size};
}

std::optional<GElf_Sym> find_in_table(Elf* elf, Elf_Scn* section, const GElf_Shdr& header, std::string_view name) {
    Elf_Data* symbols = elf_getdata(section, nullptr);
    if (symbols == nullptr) damaged_by_libelf();
    const std::string_view names = bytes_of_section(elf_getscn(elf, header.sh_link));
    GElf_Sym symbol;
    for (int i = 0; gelf_getsym(symbols, i, &symbol) != nullptr; ++i) {
        if (symbol.st_shndx == SHN_UNDEF || symbol.st_name >= names.size()) continue;
        // Without measuring each name first, which in a table without zeros would take for ever.
        const std::string_view from = names.substr(symbol.st_name);
        if (from.starts_with(name) && from.size() > name.size() && from[name.size()] == '\0') return symbol;
    }
    return std::nullopt;
}

// What libelf must not see. A count of 0 in the header says that there are more sections than its field can say (System
// V ABI, "ELF Header": e_shnum), and libelf allocates as many as the file claims; in other classes the count is
// elsewhere.
void check_header(std::span<const std::byte> object) {
    const auto header = find_elf_header(object);
    if (!header) damaged("it is no ELF file");
    if (!header->is_64_bit_little_endian) damaged("it is not 64-bit little-endian ELF");
    if (half_at(object, offsetof(Elf64_Ehdr, e_shnum)) == 0) damaged("it has no sections, or more than can be counted");
}

}  // namespace

std::optional<ElfHeader> find_elf_header(std::span<const std::byte> head) noexcept {
    if (head.size() < elf_header_size || !text_of(head).starts_with(ELFMAG)) return std::nullopt;
    ElfHeader out;
    out.is_64_bit_little_endian = byte_at(head, EI_CLASS) == ELFCLASS64 && byte_at(head, EI_DATA) == ELFDATA2LSB;
    if (!out.is_64_bit_little_endian) return out;
    out.is_relocatable = half_at(head, 16) == ET_REL;
    out.machine = static_cast<std::uint16_t>(half_at(head, 18));
    return out;
}

std::string elf_machine_name(std::uint16_t machine) {
    if (machine == EM_X86_64) return "x86-64";
    if (machine == EM_AARCH64) return "AArch64";
    return fmt::format("machine {}", machine);
}

std::optional<std::span<const std::byte>> find_elf_symbol(std::span<const std::byte> object, std::string_view name) {
    if (elf_version(EV_CURRENT) == EV_NONE) throw Error(Fault::bug, "libelf is older than its header");
    check_header(object);
    // libelf does not write to an image that it was given for reading.
    auto* image = const_cast<char*>(reinterpret_cast<const char*>(object.data()));
    const std::unique_ptr<Elf, EndElf> elf(elf_memory(image, object.size()));
    if (elf == nullptr) damaged_by_libelf();
    GElf_Ehdr file;
    if (elf_kind(elf.get()) != ELF_K_ELF || gelf_getehdr(elf.get(), &file) == nullptr) damaged("it is no ELF file");
    for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf.get(), section)) != nullptr;) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) == nullptr) damaged_by_libelf();
        if (header.sh_type != SHT_SYMTAB) continue;
        // There is one at most. (System V ABI, "Sections": SHT_SYMTAB)
        const auto symbol = find_in_table(elf.get(), section, header, name);
        return symbol ? std::optional(bytes_of_symbol(elf.get(), object, *symbol)) : std::nullopt;
    }
    return std::nullopt;
}

}  // namespace wasmx::io
