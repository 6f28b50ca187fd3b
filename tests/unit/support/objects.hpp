// SPDX-License-Identifier: Apache-2.0
#pragma once
// Objects and static libraries made in memory, for either machine.

#include <elf.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wasmx::test {

template <class Value>
void append(std::string& out, const Value& value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// Puts a value over bytes that are there.
template <class Value>
std::string with(std::string bytes, std::size_t at, const Value& value) {
    bytes.replace(at, sizeof value, reinterpret_cast<const char*>(&value), sizeof value);
    return bytes;
}

/// A relocatable object with one section, its first symbol a reference to something else.
struct Object {
    std::uint16_t machine = EM_AARCH64;
    std::string code{};
    std::string symbol = "v8_Default_embedded_blob_code_";
    std::uint64_t value = 0;
    std::uint64_t size = 0;
    std::uint16_t section = 1;
    std::uint32_t type = SHT_PROGBITS;
    unsigned char binding = STB_GLOBAL;

    std::size_t symbols_at() const { return (sizeof(Elf64_Ehdr) + code.size() + 7) / 8 * 8; }
    std::size_t sections_at() const { return symbols_at() + 3 * sizeof(Elf64_Sym) + (names().size() + 7) / 8 * 8; }
    std::size_t section_at(std::size_t index) const { return sections_at() + index * sizeof(Elf64_Shdr); }
    std::string names() const { return std::string("\0other\0", 7) + symbol + '\0'; }

    std::string bytes() const {
        Elf64_Ehdr header{};
        std::memcpy(header.e_ident, ELFMAG, SELFMAG);
        header.e_ident[EI_CLASS] = ELFCLASS64;
        header.e_ident[EI_DATA] = ELFDATA2LSB;
        header.e_ident[EI_VERSION] = EV_CURRENT;
        header.e_type = ET_REL;
        header.e_machine = machine;
        header.e_version = EV_CURRENT;
        header.e_shoff = sections_at();
        header.e_ehsize = sizeof header;
        header.e_shentsize = sizeof(Elf64_Shdr);
        header.e_shnum = 4;
        header.e_shstrndx = 3;
        std::string out;
        append(out, header);
        out += code;
        out.resize(symbols_at());
        append(out, Elf64_Sym{});
        append(out, Elf64_Sym{.st_name = 1, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_NOTYPE), .st_shndx = SHN_UNDEF});
        append(out, Elf64_Sym{.st_name = 7,
                              .st_info = static_cast<unsigned char>(ELF64_ST_INFO(binding, STT_FUNC)),
                              .st_other = STV_HIDDEN,
                              .st_shndx = section,
                              .st_value = value,
                              .st_size = size});
        const std::size_t names_at = out.size();
        out += names();
        out.resize(sections_at());
        append(out, Elf64_Shdr{});
        append(out, Elf64_Shdr{.sh_type = type,
                               .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
                               .sh_offset = sizeof header,
                               .sh_size = code.size(),
                               .sh_addralign = 4});
        append(out, Elf64_Shdr{.sh_type = SHT_SYMTAB,
                               .sh_offset = symbols_at(),
                               .sh_size = 3 * sizeof(Elf64_Sym),
                               .sh_link = 3,
                               .sh_info = 1,
                               .sh_addralign = 8,
                               .sh_entsize = sizeof(Elf64_Sym)});
        append(out,
               Elf64_Shdr{.sh_type = SHT_STRTAB, .sh_offset = names_at, .sh_size = names().size(), .sh_addralign = 1});
        return out;
    }
};

/// Functions as compilers and V8 write them, `count` times.
inline std::string arm64_code(std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i)
        for (const std::uint32_t word : {0xA9BF7BFDU, 0x910003FDU, 0x52800540U, 0xA8C17BFDU, 0xD65F03C0U})
            append(out, word);
    return out;
}
inline std::string x86_64_code(std::size_t count) {
    const std::string function("\x55\x48\x89\xe5\x48\x83\xec\x10\xb8\x2a\x00\x00\x00\x48\x8b\xe5\x5d\xc3\xcc\xcc\xcc",
                               21);
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out += function;
    return out;
}

inline constexpr std::string_view ar_magic = "!<arch>\n";

/// A header and its content, padded, whatever the header says.
inline std::string ar_entry(std::string name, const std::string& content, std::string size = {}) {
    if (size.empty()) size = std::to_string(content.size());
    name.resize(16, ' ');
    size.resize(10, ' ');
    std::string out = name + "0           0     0     644     " + size + "`\n" + content;
    if (out.size() % 2 == 1) out += '\n';
    return out;
}

using ArMembers = std::vector<std::pair<std::string, std::string>>;
/// As `ar rcsD` writes it.
inline std::string ar(const ArMembers& members) {
    std::string out(ar_magic);
    for (const auto& [name, content] : members) out += ar_entry(name + "/", content);
    return out;
}

}  // namespace wasmx::test
