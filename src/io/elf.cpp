// SPDX-License-Identifier: Apache-2.0
#include "io/elf.hpp"

#include <fmt/format.h>
#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <cstddef>
#include <memory>

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

// What libelf must not see. A count of 0 in the header says that there are more sections than its field can say (System
// V ABI, "ELF Header": e_shnum), and libelf allocates as many as the file claims; in other classes the count is
// elsewhere.
void check_header(std::span<const std::byte> object) {
    const auto header = find_elf_header(object);
    if (!header) damaged("it is no ELF file");
    if (!header->is_64_bit_little_endian) damaged("it is not 64-bit little-endian ELF");
    if (half_at(object, offsetof(Elf64_Ehdr, e_shnum)) == 0) damaged("it has no sections, or more than can be counted");
}

struct Symbols {
    std::span<const Elf64_Sym> table;
    std::string_view names;
};

// An object that is open as long as this lives.
class OpenElf {
public:
    explicit OpenElf(std::span<const std::byte> object) : object_(object) {
        if (elf_version(EV_CURRENT) == EV_NONE) throw Error(Fault::bug, "libelf is older than its header");
        check_header(object);
        // libelf does not write to an image that it was given for reading.
        auto* image = const_cast<char*>(reinterpret_cast<const char*>(object.data()));
        elf_.reset(elf_memory(image, object.size()));
        if (elf_ == nullptr) damaged_by_libelf();
        GElf_Ehdr file;
        if (elf_kind(elf_.get()) != ELF_K_ELF || gelf_getehdr(elf_.get(), &file) == nullptr)
            damaged("it is no ELF file");
    }

    Symbols symbols() const {
        for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf_.get(), section)) != nullptr;) {
            GElf_Shdr header;
            if (gelf_getshdr(section, &header) == nullptr) damaged_by_libelf();
            // There is one at most. (System V ABI, "Sections": SHT_SYMTAB)
            if (header.sh_type == SHT_SYMTAB) return symbols_in(section, header);
        }
        return {};
    }

    std::span<const std::byte> bytes_of(const Elf64_Sym& symbol) const {
        return bytes_of_symbol(elf_.get(), object_, symbol);
    }

private:
    Symbols symbols_in(Elf_Scn* section, const GElf_Shdr& header) const {
        // Of 64 bits, as check_header has seen, in this machine's byte order, and aligned.
        const Elf_Data* data = elf_getdata(section, nullptr);
        if (data == nullptr) damaged_by_libelf();
        const auto* first = static_cast<const Elf64_Sym*>(data->d_buf);
        return {.table = {first, first == nullptr ? 0 : data->d_size / sizeof *first},
                .names = bytes_of_section(elf_getscn(elf_.get(), header.sh_link))};
    }

    std::span<const std::byte> object_;
    std::unique_ptr<Elf, EndElf> elf_;
};

// Calls `found` with each symbol that has one of the names and is no mere reference, and with the place of the name,
// until it returns true.
template <class Found>
void search(const Symbols& symbols, const ElfNames& names, const Found& found) {
    for (const Elf64_Sym& symbol : symbols.table) {
        if (symbol.st_shndx == SHN_UNDEF || symbol.st_name >= symbols.names.size()) continue;
        const auto name = names.find_at_start(symbols.names.substr(symbol.st_name));
        if (name && found(symbol, *name)) return;
    }
}

bool is_linkable(const Elf64_Sym& symbol) noexcept {
    const auto binding = ELF64_ST_BIND(symbol.st_info);
    return (binding == STB_GLOBAL || binding == STB_WEAK) && symbol.st_shndx != SHN_COMMON;
}

}  // namespace

ElfNames::ElfNames(std::vector<std::string> names) : names_(std::move(names)) {
    std::sort(names_.begin(), names_.end());
    names_.erase(std::unique(names_.begin(), names_.end()), names_.end());
    for (const std::string& name : names_) {
        longest_ = std::max(longest_, name.size());
        if (!name.empty()) begins_[static_cast<unsigned char>(name.front())] = true;
    }
}

std::optional<std::size_t> ElfNames::find_at_start(std::string_view bytes) const noexcept {
    if (bytes.empty() || !begins_[static_cast<unsigned char>(bytes.front())]) return std::nullopt;
    // No further than the longest name goes: for each symbol of a table without zeros that would take for ever.
    const std::string_view head = bytes.substr(0, longest_ + 1);
    const auto end = head.find('\0');
    if (end == std::string_view::npos) return std::nullopt;
    const auto found = std::lower_bound(names_.begin(), names_.end(), head.substr(0, end));
    if (found == names_.end() || *found != head.substr(0, end)) return std::nullopt;
    return static_cast<std::size_t>(found - names_.begin());
}

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

std::vector<ElfDefinition> elf_definitions(std::span<const std::byte> object, const ElfNames& names) {
    std::vector<ElfDefinition> out(names.all().size(), ElfDefinition::none);
    const OpenElf elf(object);
    search(elf.symbols(), names, [&](const Elf64_Sym& symbol, std::size_t name) {
        out[name] = std::max(out[name], is_linkable(symbol) ? ElfDefinition::linkable : ElfDefinition::other);
        return false;
    });
    return out;
}

std::optional<std::span<const std::byte>> find_elf_symbol(std::span<const std::byte> object, std::string_view name) {
    std::optional<std::span<const std::byte>> out;
    const OpenElf elf(object);
    search(elf.symbols(), ElfNames({std::string(name)}), [&](const Elf64_Sym& symbol, std::size_t) {
        out = elf.bytes_of(symbol);
        return true;
    });
    return out;
}

}  // namespace wasmx::io
