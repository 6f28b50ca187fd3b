// SPDX-License-Identifier: Apache-2.0
#include "artifact/library.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "support/error_of.hpp"
#include "support/objects.hpp"

namespace wasmx::artifact {

namespace {

using namespace test;

const oci::Platform arm64(oci::Architecture::arm64);
const std::string arm = Object{.machine = EM_AARCH64, .symbol = "f"}.bytes();
const std::string x86 = Object{.machine = EM_X86_64, .symbol = "f"}.bytes();

const Search nothing{};
const Search for_builtins{.builtins = true};

Library examined(const std::string& bytes, const Search& search = for_builtins) {
    const auto source = io::from_string(bytes);
    return examine_library(*source, arm64, search);
}

std::string faults(const std::string& bytes) { return fmt::format("{}", fmt::join(examined(bytes).faults, "; ")); }

}  // namespace

TEST_SUITE_BEGIN("artifact");

TEST_CASE("a library of objects for the platform has no fault") {
    for (const Search& search : {nothing, for_builtins, Search{.functions = {"g"}}}) {
        const Library library = examined(ar({{"a.o", arm}, {"b.o", arm}}), search);
        CHECK(library.members == 2);
        CHECK(library.faults.empty());
        CHECK(library.builtins.empty());
        CHECK(library.functions.empty());
        CHECK(library.unsearched.empty());
    }
}

TEST_CASE("a library's faults are told once for each kind") {
    struct Case {
        const char* name;
        std::string bytes;
        const char* says;
    };
    const std::string executable = with(arm, 16, std::uint16_t{ET_EXEC});
    const std::string big_endian = with(arm, EI_DATA, char{ELFDATA2MSB});
    for (const Case& c : std::vector<Case>{
             {"another machine", ar({{"a.o", arm}, {"b.o", x86}}),
              "1 of 2 members are for x86-64, not for AArch64: b.o"},
             {"many of another machine", ar({{"a.o", x86}, {"b.o", x86}, {"c.o", x86}, {"d.o", x86}, {"e.o", x86}}),
              "5 of 5 members are for x86-64, not for AArch64: a.o, b.o, c.o and 2 more"},
             {"a machine without a name", ar({{"a.o", with(arm, 18, std::uint16_t{40})}}),
              "1 of 1 members are for machine 40, not for AArch64: a.o"},
             {"bitcode", ar({{"a.o", "BC\xC0\xDE" + std::string(100, '.')}}),
              "1 of 1 members are LLVM bitcode, no objects: a.o"},
             {"wrapped bitcode", ar({{"a.o", "\xDE\xC0\x17\x0B" + std::string(100, '.')}}),
              "1 of 1 members are LLVM bitcode, no objects: a.o"},
             {"text", ar({{"README", "hello"}}), "1 of 1 members are no ELF objects: README"},
             {"an empty member", ar({{"a.o", ""}}), "1 of 1 members are no ELF objects: a.o"},
             {"part of a header", ar({{"a.o", arm.substr(0, 63)}}), "1 of 1 members are no ELF objects: a.o"},
             {"an executable", ar({{"a", executable}}), "1 of 1 members are ELF files, but no objects for a linker: a"},
             {"the other byte order", ar({{"a.o", big_endian}}),
              "1 of 1 members are not 64-bit little-endian ELF: a.o"},
             {"nothing in it", std::string(ar_magic), "it holds no object"},
             {"no library", "not one", "it is no static library"},
             {"a thin one", "!<thin>\n", "it is a thin archive, which names its members and does not hold them"},
             {"a cut one", ar({{"a.o", arm}, {"b.o", x86}}).substr(0, 8 + 60 + arm.size() + 90),
              "the static library is damaged: a member ends too early"},
             {"an escape in a name", ar({{"\x1b[31m.o", x86}}),
              "1 of 1 members are for x86-64, not for AArch64: .o"}}) {
        CAPTURE(std::string(c.name));
        CHECK(faults(c.bytes).ends_with(c.says));
        CHECK(faults(c.bytes).find('\x1b') == std::string::npos);
    }
    CHECK(faults(ar({{"a.o", x86}, {"b.o", "?"}})) ==
          "1 of 2 members are for x86-64, not for AArch64: a.o; 1 of 2 members are no ELF objects: b.o");
    // What was wrong before the damage is told too.
    CHECK(faults(ar({{"a.o", x86}}) + "garbage").starts_with("1 of 1 members are for x86-64"));
}

TEST_CASE("a library's builtins are found by their symbol") {
    const std::string builtins = Object{.code = arm64_code(50)}.bytes();
    const Library library = examined(ar({{"a.o", arm}, {"embedded.o", builtins}}));
    REQUIRE(library.builtins.size() == 1);
    CHECK(library.builtins[0].member == "embedded.o");
    CHECK(library.builtins[0].markers.size == arm64_code(50).size());
    CHECK(library.builtins[0].markers.architecture() == oci::Architecture::arm64);
    CHECK(examined(ar({{"embedded.o", builtins}}), nothing).builtins.empty());
}

TEST_CASE("functions are found in whatever member defines them for others") {
    const auto member = [](const std::string& symbol, std::uint16_t section = 1, unsigned char binding = STB_GLOBAL) {
        return Object{.code = "1234", .symbol = symbol, .section = section, .binding = binding}.bytes();
    };
    const std::string library = ar({{"a.o", member("global")},
                                    {"b.o", member("weak", 1, STB_WEAK)},
                                    {"c.o", member("undefined", SHN_UNDEF)},
                                    {"d.o", member("common", SHN_COMMON)},
                                    {"e.o", member("local", 1, STB_LOCAL)},
                                    {"f.o", member("of_no_interest")},
                                    {"g.o", Object{.code = arm64_code(50)}.bytes()}});
    const std::vector<std::string> names{"global", "weak", "undefined", "common", "local", "absent"};
    CHECK(examined(library, {.functions = names}).functions == std::set<std::string>{"global", "weak"});
    CHECK(examined(library, {.functions = names}).builtins.empty());
    CHECK(examined(library, {.builtins = true, .functions = names}).builtins.size() == 1);
    CHECK(examined(library, {.builtins = true, .functions = names}).functions.size() == 2);
    CHECK(examined(library, nothing).functions.empty());
    // A later member mends what an earlier one only refers to.
    CHECK(examined(ar({{"a.o", member("f", SHN_UNDEF)}, {"b.o", member("f")}}), {.functions = {"f"}}).functions ==
          std::set<std::string>{"f"});
}

TEST_CASE("a member that cannot be searched is named") {
    const std::string damaged = Object{.code = "1234", .size = 5}.bytes();
    CHECK(examined(ar({{"a.o", damaged}})).unsearched ==
          std::vector<std::string>{"a.o: the object is damaged: the symbol goes beyond its section"});
    const std::string large = arm + std::string(16 << 20, '\0');
    const Library library = examined(ar({{"large.o", large}, {"b.o", arm}}));
    CHECK(library.members == 2);
    CHECK(library.faults.empty());
    CHECK(library.unsearched == std::vector<std::string>{"large.o: 16.0 MiB are too many"});
    CHECK(examined(ar({{"large.o", large}}), nothing).unsearched.empty());
    const Library lacking = examined(ar({{"large.o", large}, {"b.o", arm}}), {.functions = {"f", "g"}});
    CHECK(lacking.functions == std::set<std::string>{"f"});
    CHECK(lacking.unsearched.size() == 1);
}

TEST_CASE("a library keeps bounded accounts") {
    ArMembers members;
    for (int i = 0; i < 100; ++i) members.emplace_back("a.o", Object{.code = "1234", .size = 5}.bytes());
    for (int i = 0; i < 100; ++i) members.emplace_back("b.o", Object{.code = "1234"}.bytes());
    const Library library = examined(ar(members));
    CHECK(library.unsearched.size() == 16);
    CHECK(library.builtins.size() == 16);
}

TEST_CASE("a stream that fails is no fault of the library") {
    class Failing final : public io::Source {
    public:
        std::size_t read(std::span<std::byte> buffer) override {
            if (first_ == nullptr) throw Error(Fault::integrity, "the layer is damaged");
            const std::size_t count = first_->read(buffer.first(std::min<std::size_t>(buffer.size(), 40)));
            if (count == 0) first_ = nullptr;
            return count > 0 ? count : read(buffer);
        }

    private:
        io::SourcePtr first_ = io::from_string(ar({{"a.o", arm}}));
    } source;
    CHECK(error_of([&] { examine_library(source, arm64, for_builtins); }).message() == "the layer is damaged");
}

TEST_SUITE_END();

}  // namespace wasmx::artifact
