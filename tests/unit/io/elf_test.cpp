// SPDX-License-Identifier: Apache-2.0
#include "io/elf.hpp"

#include <doctest/doctest.h>

#include "base/error.hpp"
#include "support/error_of.hpp"
#include "support/objects.hpp"

namespace wasmx::io {

namespace {

using namespace test;

constexpr std::string_view name = "v8_Default_embedded_blob_code_";
const Object object{.code = "abcdefgh"};

// The symbol's bytes; "-" when it is not defined; "! why" for a damaged object.
std::string found_in(const std::string& bytes, std::string_view symbol = name) {
    try {
        const auto found = find_elf_symbol(bytes_of(bytes), symbol);
        return found ? std::string(text_of(*found)) : "-";
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::integrity);
        return "! " + error.message();
    }
}

// A letter for each of the names: "-" for none, "o" for other, "L" for linkable; "! why" for a damaged object.
std::string defined_in(const std::string& bytes, const ElfNames& names) {
    std::string out;
    try {
        for (const ElfDefinition definition : elf_definitions(bytes_of(bytes), names))
            out += definition == ElfDefinition::none ? '-' : definition == ElfDefinition::other ? 'o' : 'L';
        return out;
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::integrity);
        return "! " + error.message();
    }
}

std::string changed(std::uint64_t value, std::uint64_t size, std::uint16_t section = 1) {
    Object out = object;
    out.value = value;
    out.size = size;
    out.section = section;
    return out.bytes();
}

}  // namespace

TEST_SUITE_BEGIN("io");

TEST_CASE("the header of an ELF file names its machine") {
    const std::string bytes = object.bytes();
    const auto header = find_elf_header(bytes_of(bytes));
    REQUIRE(header);
    CHECK(header->is_64_bit_little_endian);
    CHECK(header->is_relocatable);
    CHECK(header->machine == EM_AARCH64);
    CHECK(find_elf_header(bytes_of(Object{.machine = EM_X86_64}.bytes()))->machine == EM_X86_64);
    CHECK_FALSE(find_elf_header(bytes_of(with(bytes, 16, std::uint16_t{ET_EXEC})))->is_relocatable);
    CHECK_FALSE(find_elf_header(bytes_of(with(bytes, EI_CLASS, char{ELFCLASS32})))->is_64_bit_little_endian);
    CHECK_FALSE(find_elf_header(bytes_of(with(bytes, EI_DATA, char{ELFDATA2MSB})))->is_64_bit_little_endian);
    CHECK_FALSE(find_elf_header(bytes_of(bytes).first(elf_header_size - 1)));
    CHECK_FALSE(find_elf_header(bytes_of(with(bytes, 0, 'x'))));
    CHECK_FALSE(find_elf_header({}));
    CHECK(elf_machine_name(EM_X86_64) == "x86-64");
    CHECK(elf_machine_name(EM_AARCH64) == "AArch64");
    CHECK(elf_machine_name(40) == "machine 40");
}

TEST_CASE("a symbol is its bytes in its section") {
    CHECK(found_in(object.bytes()) == "abcdefgh");
    CHECK(found_in(changed(2, 3)) == "cde");
    CHECK(found_in(changed(2, 0)) == "cdefgh");
    CHECK(found_in(changed(8, 0)) == "");
    CHECK(found_in(object.bytes(), "other") == "-");
    CHECK(found_in(object.bytes(), "v8_Default_embedded_blob_code") == "-");
    CHECK(found_in(object.bytes(), "v8_Default_embedded_blob_code_size_") == "-");
    CHECK(found_in(changed(0, 0, SHN_UNDEF)) == "-");
}

TEST_CASE("of many names each is looked up, and what it stands for is told") {
    struct Case {
        const char* name;
        Object object;
        const char* says;
    };
    const ElfNames names({"wasm_func_call", "f", "wasm_func_call", "other", "wasm_func"});
    CHECK(names.all() == std::vector<std::string>{"f", "other", "wasm_func", "wasm_func_call"});
    for (const Case& c : std::vector<Case>{
             {"global", {.code = "1", .symbol = "f"}, "L---"},
             {"weak", {.code = "1", .symbol = "f", .binding = STB_WEAK}, "L---"},
             {"local", {.code = "1", .symbol = "f", .binding = STB_LOCAL}, "o---"},
             {"undefined", {.code = "1", .symbol = "f", .section = SHN_UNDEF}, "----"},
             {"common", {.code = "1", .symbol = "f", .section = SHN_COMMON}, "o---"},
             {"absolute", {.code = "1", .symbol = "f", .section = SHN_ABS}, "L---"},
             {"in a section of an index elsewhere", {.code = "1", .symbol = "f", .section = SHN_XINDEX}, "L---"},
             {"one name that begins as another", {.code = "1", .symbol = "wasm_func_call"}, "---L"},
             {"a name that begins another", {.code = "1", .symbol = "wasm_func"}, "--L-"},
             {"more than the longest", {.code = "1", .symbol = "wasm_func_calls"}, "----"},
             {"none of them", {.code = "1", .symbol = "wasm_"}, "----"},
             {"no name", {.code = "1", .symbol = ""}, "----"}}) {
        CAPTURE(std::string(c.name));
        CHECK(defined_in(c.object.bytes(), names) == c.says);
    }
    CHECK(defined_in(Object{.code = "1", .symbol = "f"}.bytes(), ElfNames({})) == "");
    CHECK(defined_in("!<arch>\n", names) == "! the object is damaged: it is no ELF file");
    // The best that is under a name counts, in whatever order.
    Object twice{.code = "1", .symbol = "f", .binding = STB_LOCAL};
    const std::string bytes = twice.bytes();
    const std::size_t second = twice.symbols_at() + sizeof(Elf64_Sym);
    CHECK(defined_in(with(bytes, second,
                          Elf64_Sym{.st_name = 7, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), .st_shndx = 1}),
                     names) == "L---");
}

TEST_CASE("names are found at a beginning that ends with a zero, and nowhere else") {
    const ElfNames names({"ab", "abc", "b"});
    const auto found = [&](std::string_view bytes) {
        const auto at = names.find_at_start(bytes);
        return at ? names.all()[*at] : "-";
    };
    CHECK(found({"ab\0c", 4}) == "ab");
    CHECK(found({"abc\0", 4}) == "abc");
    CHECK(found({"b\0", 2}) == "b");
    CHECK(found("abc") == "-");
    CHECK(found({"abcd\0", 5}) == "-");
    CHECK(found({"a\0", 2}) == "-");
    CHECK(found({"\0", 1}) == "-");
    CHECK(found("") == "-");
    CHECK_FALSE(ElfNames({}).find_at_start(std::string_view("\0", 1)));
}

TEST_CASE("an object that is not what it says is an error, and no more") {
    const std::string bytes = object.bytes();
    const std::uint64_t far = bytes.size() + 1;
    const std::uint64_t farthest = ~std::uint64_t{0};
    struct Case {
        const char* name;
        std::string bytes;
        const char* says;
    };
    Object empty = object;
    empty.type = SHT_NOBITS;
    const std::size_t text = object.section_at(1);
    const std::size_t symbols = object.section_at(2);
    for (const Case& c : std::vector<Case>{
             {"a symbol beyond its section", changed(9, 0), "the symbol goes beyond its section"},
             {"a size beyond the section", changed(0, 9), "the symbol goes beyond its section"},
             {"value and size that overflow", changed(2, farthest), "the symbol goes beyond its section"},
             {"a value that overflows", changed(farthest, 2), "the symbol goes beyond its section"},
             {"a section that is none", changed(0, 0, 9), "! "},
             {"an absolute symbol", changed(0, 0, SHN_ABS), "the symbol is in no section"},
             {"a common symbol", changed(0, 0, SHN_COMMON), "the symbol is in no section"},
             {"a section of an index elsewhere", changed(0, 0, SHN_XINDEX), "the symbol is in no section"},
             {"a section without bytes", empty.bytes(), "a section without bytes"},
             {"a section beyond the end", with(bytes, text + 24, far), "beyond the file"},
             {"a section that overflows", with(bytes, text + 24, farthest), "beyond the file"},
             {"a section too large", with(bytes, text + 32, farthest), "beyond the file"},
             {"symbols beyond the end", with(bytes, symbols + 24, far), "! "},
             {"symbols that overflow", with(bytes, symbols + 24, farthest), "! "},
             {"too many symbols", with(bytes, symbols + 32, farthest), "! "},
             {"names in a section that is none", with(bytes, symbols + 40, std::uint32_t{77}), "! "},
             {"sections beyond the end", with(bytes, 40, far), "-"},
             {"sections that overflow", with(bytes, 40, farthest), "-"},
             {"more sections than bytes", with(bytes, 60, std::uint16_t{0xfeff}), ""},
             {"a count of sections elsewhere", with(bytes, 60, std::uint16_t{0}), "no sections, or more than"},
             {"sections of another size", with(bytes, 58, std::uint16_t{1}), ""},
             {"no sections", with(with(bytes, 60, std::uint16_t{0}), 40, std::uint64_t{0}), "no sections, or more"},
             {"32 bits", with(bytes, EI_CLASS, char{ELFCLASS32}), "not 64-bit little-endian"},
             {"big-endian", with(bytes, EI_DATA, char{ELFDATA2MSB}), "not 64-bit little-endian"},
             {"no ELF", "!<arch>\n" + bytes, "it is no ELF file"},
             {"nothing", "", "it is no ELF file"}}) {
        CAPTURE(std::string(c.name));
        CHECK(found_in(c.bytes).find(c.says) != std::string::npos);
    }
}

TEST_CASE("an object of 32 bits is not for libelf, which is told the count of its sections elsewhere") {
    // What stands where 64 bits have the count is not 0; what says that there are 20 million is in the first section.
    std::string bytes;
    Elf32_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS32;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_REL;
    header.e_version = EV_CURRENT;
    header.e_shoff = sizeof header;
    header.e_ehsize = sizeof header;
    header.e_shentsize = sizeof(Elf32_Shdr);
    append(bytes, header);
    append(bytes,
           Elf32_Shdr{.sh_name = 0x01010101, .sh_type = 0x01010101, .sh_flags = 0x01010101, .sh_size = 20'000'000});
    CHECK(found_in(bytes) == "! the object is damaged: it is not 64-bit little-endian ELF");
}

TEST_CASE("an object that ends anywhere is an error, or has what it has") {
    const std::string bytes = object.bytes();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const std::string said = found_in(bytes.substr(0, size));
        const bool is_sound = said.starts_with("! ") || said == "-" || said == "abcdefgh";
        CHECK(is_sound);
    }
}

TEST_CASE("an object with any one byte changed is an error, or has what it has") {
    const std::string bytes = object.bytes();
    for (std::size_t at = 0; at < bytes.size(); ++at)
        for (const char value : {'\0', '\x01', '\x7f', '\xff'}) {
            CHECK(found_in(with(bytes, at, value)).size() < 1000);
            CHECK(defined_in(with(bytes, at, value), ElfNames({std::string(name)})).size() < 1000);
        }
}

TEST_CASE("names without ends are not measured for each symbol") {
    Object large = object;
    large.symbol = std::string(1000, 'n');
    CHECK(found_in(large.bytes()) == "-");
    // The name goes on to the end of its table.
    Object cut = object;
    const std::string bytes = cut.bytes();
    const std::uint64_t names = cut.names().size() - 1;
    CHECK(found_in(with(bytes, cut.section_at(3) + 32, names)) == "-");
}

TEST_SUITE_END();

}  // namespace wasmx::io
