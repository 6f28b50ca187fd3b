// SPDX-License-Identifier: Apache-2.0
#include "io/ar.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "base/error.hpp"
#include "support/objects.hpp"

namespace wasmx::io {

namespace {

using namespace test;

// "name=content" for each member, and what it ended with, if it did.
std::string walked(const std::string& bytes) {
    std::string out;
    try {
        const auto source = from_string(bytes);
        ArReader reader(*source);
        while (const auto member = reader.next()) {
            out += member->name + "=";
            std::array<std::byte, 3> buffer;
            while (const std::size_t count = reader.read(buffer)) out += text_of(std::span(buffer).first(count));
            out += " ";
        }
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::integrity);
        out += "! " + error.message();
    }
    return out;
}

const std::string magic(ar_magic);

}  // namespace

TEST_SUITE_BEGIN("io");

TEST_CASE("a static library is walked member by member") {
    CHECK(walked(magic) == "");
    CHECK(walked(ar({{"a.o", "12345"}, {"b.o", ""}, {"c.o", "6"}})) == "a.o=12345 b.o= c.o=6 ");
    CHECK(walked(magic + ar_entry("a b.o/", "1")) == "a b.o=1 ");
}

TEST_CASE("a member that was not read is skipped") {
    const auto source = from_string(ar({{"a.o", std::string(100'001, 'x')}, {"b.o", "2"}}));
    ArReader reader(*source);
    CHECK(reader.next()->size == 100'001);
    CHECK(reader.next()->name == "b.o");
    CHECK_FALSE(reader.next());
    CHECK_FALSE(reader.next());
}

TEST_CASE("long names are GNU's or BSD's, and tables of symbols are no members") {
    const std::string table = "a/very/long/name.o/\nsecond.o/\n";
    CHECK(walked(magic + ar_entry("/", "symbols") + ar_entry("/SYM64/", "more") + ar_entry("//", table) +
                 ar_entry("/0", "1") + ar_entry("/20", "2") + ar_entry("short.o/", "3")) ==
          "a/very/long/name.o=1 second.o=2 short.o=3 ");
    CHECK(walked(magic + ar_entry("__.SYMDEF", "symbols") +
                 ar_entry("#1/20", std::string("__.SYMDEF SORTED\0\0\0\0tail", 24)) +
                 ar_entry("#1/12", std::string("a_name.o\0\0\0\0content", 19)) + ar_entry("b.o", "2")) ==
          "a_name.o=content b.o=2 ");
}

TEST_CASE("the last padding may be missing") {
    std::string bytes = ar({{"a.o", "1"}});
    bytes.pop_back();
    CHECK(walked(bytes) == "a.o=1 ");
}

TEST_CASE("what is no static library says so") {
    CHECK(walked("") == "! it is no static library");
    CHECK(walked("!<arch>") == "! it is no static library");
    CHECK(walked("<html>404</html>") == "! it is no static library");
    CHECK(walked("!<thin>\n" + ar_entry("a.o/", "")).find("thin archive") != std::string::npos);
    CHECK(is_ar("!<arch>\n"));
    CHECK(is_ar("!<thin>\nmore"));
    CHECK_FALSE(is_ar("!<arch>"));
}

TEST_CASE("a damaged static library says so") {
    const std::string whole = ar({{"a.o", "1234"}, {"b.o", "5678"}});
    for (std::size_t size = magic.size() + 1; size < whole.size(); ++size) {
        CAPTURE(size);
        const bool is_between = size == magic.size() + 64;
        CHECK((walked(whole.substr(0, size)).find("damaged") != std::string::npos) == !is_between);
    }
    struct Case {
        const char* name;
        std::string bytes;
    };
    const std::string most = std::to_string(std::numeric_limits<std::uint64_t>::max());
    for (const Case& c :
         std::vector<Case>{{"a size that is none", magic + ar_entry("a.o/", "1", "0x10")},
                           {"a negative size", magic + ar_entry("a.o/", "1", "-1")},
                           {"no size", magic + ar_entry("a.o/", "1", " ")},
                           {"a size beyond the end", magic + ar_entry("a.o/", "1", "9999999999")},
                           {"a size that overflows", magic + ar_entry("a.o/", "1", most.substr(0, 10))},
                           {"no end of the header", with(magic + ar_entry("a.o/", "1"), 8 + 58, 'x')},
                           {"a name beyond the table", magic + ar_entry("//", "a.o/\n") + ar_entry("/5", "1")},
                           {"a name without a table", magic + ar_entry("/0", "1")},
                           {"a name at no number", magic + ar_entry("//", "a.o/\n") + ar_entry("/-1", "1")},
                           {"a table of names beyond the end", magic + ar_entry("//", "a.o/\n", "1000")},
                           {"a table of names as large as memory", magic + ar_entry("//", "a.o/\n", "9999999999")},
                           {"a BSD name longer than its member", magic + ar_entry("#1/100", "a.o")},
                           {"a BSD name of no length", magic + ar_entry("#1/x", "a.o")},
                           {"a BSD name as large as memory", magic + ar_entry("#1/9999999999", "a.o", "9999999999")}}) {
        CAPTURE(std::string(c.name));
        CHECK(walked(c.bytes).find("! the static library is damaged: ") != std::string::npos);
    }
}

TEST_CASE("a name in a table without ends is bounded") {
    const std::string said = walked(magic + ar_entry("//", std::string(100'000, 'n')) + ar_entry("/0", "1"));
    CHECK(said == std::string(4096, 'n') + "=1 ");
}

TEST_SUITE_END();

}  // namespace wasmx::io
