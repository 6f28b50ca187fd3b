// SPDX-License-Identifier: Apache-2.0
#include "base/text.hpp"

#include <doctest/doctest.h>

#include "base/error.hpp"
#include "base/markdown.hpp"
#include "support/folder.hpp"

using namespace wasmx;

TEST_SUITE_BEGIN("base");

TEST_CASE("bytes for people") {
    CHECK(human_bytes(0) == "0 B");
    CHECK(human_bytes(1023) == "1023 B");
    CHECK(human_bytes(1024) == "1.0 KiB");
    CHECK(human_bytes(27'053'261) == "25.8 MiB");
    CHECK(human_bytes((1ULL << 20) - 1) == "1.0 MiB");  // never "1024.0 KiB"
    CHECK(human_bytes(3ULL << 30) == "3.0 GiB");
    CHECK(human_bytes(5ULL << 50) == "5120.0 TiB");
}

TEST_CASE("seconds for people") {
    CHECK(human_seconds(0) == "0.0s");
    CHECK(parse_seconds("600") == 600);
    CHECK(parse_seconds("90m") == 5400);
    CHECK(parse_seconds("5h30m") == 19800);
    CHECK(parse_seconds("1h1s") == 3601);
    for (const char* none : {"", "h", "5d", "5 h", "-5h", "1.5h", "h5", "99999999999h"})
        CHECK_FALSE(parse_seconds(none));
    CHECK(human_seconds(3.24) == "3.2s");
    CHECK(human_seconds(59.94) == "59.9s");
    CHECK(human_seconds(59.97) == "1m 00s");  // never "60.0s"
    CHECK(human_seconds(65) == "1m 05s");
    CHECK(human_seconds(3600 + 62) == "1h 01m");
}

TEST_CASE("trim, lower, split") {
    CHECK(trim(" \t\r\n a b \v\f") == "a b");
    CHECK(trim(" \n").empty());
    CHECK(lower("AbZ-Ä09") == "abz-Ä09");
    CHECK(split("a,,b,", ',') == std::vector<std::string_view>{"a", "", "b", ""});
    CHECK(split("", ',') == std::vector<std::string_view>{""});
}

TEST_CASE("clipped does not cut inside a character") {
    CHECK(clipped("abc", 3) == "abc");
    CHECK(clipped("abcd", 3) == "abc");
    CHECK(clipped("aä", 2) == "a");
    CHECK(clipped("a✔b", 3) == "a");
    CHECK(clipped("a✔b", 4) == "a✔");
    CHECK(clipped("\x80\x80\x80", 2).empty());
    CHECK(clipped("ä", 0).empty());
}

TEST_CASE("printable takes out what a terminal would obey") {
    const std::pair<std::string, std::string> rows[] = {
        {"plain ✔ text", "plain ✔ text"},
        {"\x1b[91mred\x1b[0m", "red"},
        {"\x1b[1;38;5;200mx\x1b[K", "x"},
        {"\x1b(B\x1b[mx", "x"},                                 // what tput sgr0 says
        {"\x1b]0;a title\x07x", "x"},                           // OSC up to BEL
        {"\x1b]8;;http://h/\x1b\\link\x1b]8;;\x1b\\", "link"},  // OSC up to ST
        {"\x1bP1$r0m\x1b\\x", "x"},                             // DCS
        {"\x1b]0;never ends", "0;never ends"},                  // nothing is lost to one that was cut off
        {"\x1b"
         "7x\x1b"
         "cy",
         "xy"},
        {"a\x1b", "a"},
        {"a\x1b[", "a"},
        {"a\x1b[31", "a"},
        {"a\x1b[3\nb", "a b"},  // a sequence ends where its line does
        {"\xc2\x9b"
         "31mx",
         "\ufffd31mx"},  // CSI as one character
        // What is left out joins nothing: these were CSI once the byte or the sequence between was gone.
        {"\xc2\x01\x9b"
         "31mx",
         "\ufffd\ufffd31mx"},
        {"\xc2\x1b[m\x9b"
         "31mx",
         "\ufffd\ufffd31mx"},
        {"\xc2\xa0x", "\xc2\xa0x"},
        {"\u202e"
         "txt.exe",
         "\ufffdtxt.exe"},  // what turns the direction of writing
        {"a\u2066\u2069"
         "b\u200f\u061c",
         "a\ufffd\ufffd"
         "b\ufffd\ufffd"},
        {"a\u2028"
         "b\u200b"
         "c\ufeff",
         "a\ufffd"
         "b\ufffd"
         "c\ufffd"},
        {"\U000e0041\U000e0042", "\ufffd\ufffd"},  // tags: text that nobody sees
        {"\U0001f469\u200d\U0001f680 \u0645\u06cc\u200c\u062e", "\U0001f469\u200d\U0001f680 \u0645\u06cc\u200c\u062e"},
        {"\xff\xc0\x80\xed\xa0\x80\xf5\x80", "\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd"},
        {"\xe2\x82", "\ufffd\ufffd"},  // cut inside a character
        // Commands of the runner of GitHub Actions: one stands at the start, the other anywhere.
        {"::set-output name=x::y", ": :set-output name=x::y"},
        {"  ::warning::", "  : :warning::"},
        {"std::string", "std::string"},
        {"a ##[set-output name=x;]y", "a ## [set-output name=x;]y"},
        {"##\x01[x]", "## [x]"},
        {"a\tb\r\n\x07\x7f", "a    b "},
        {std::string("a\0b", 3), "ab"},
    };
    for (const auto& [text, shown] : rows) {
        CAPTURE(text);
        CHECK(printable(text) == shown);
        CHECK(printable(shown) == shown);
    }
}

TEST_CASE("escaped loses nothing") {
    const std::pair<std::string, std::string> rows[] = {
        {"dist/x.tar.gz ✔ ü", "dist/x.tar.gz ✔ ü"},
        {"a\nb\rc\\d", "a\\nb\\rc\\\\d"},
        {"\x1b]0;PWNED\x07"
         "a",
         "\\x1b]0;PWNED\\x07a"},
        {"\xc2\x9b"
         "31m\x9b",
         "\\xc2\\x9b31m\\x9b"},
        {"\u202e"
         "b",
         "\\xe2\\x80\\xaeb"},
        {"d/##[set-output name=sha256;]0", "d/##\\x5bset-output name=sha256;]0"},
        {"\t\x7f", "\\x09\\x7f"},
    };
    for (const auto& [text, shown] : rows) {
        CAPTURE(shown);
        CHECK(escaped(text) == shown);
        CHECK(printable(shown) == shown);
    }
}

TEST_CASE("an error shows nothing that a terminal would obey, wherever it quotes") {
    Error error(Fault::failed, "no \x1b]0;t\x07x\n::set-output", "try \u202e y");
    error.add_frame(
        "reading \xc2\x9b"
        "2J");
    error.set_lines({"\x1b[31mred\x1b[0m", "##[error]x"});
    CHECK(error.message() == "no x ::set-output");
    CHECK(error.hint() == "try \ufffd y");
    CHECK(error.frames().front() == "reading \ufffd2J");
    CHECK(error.lines() == std::vector<std::string>{"red", "## [error]x"});
    CHECK(Error(Fault::integrity, "no package:\n  - a\n  - \x1b[2Jb\nerror: c").message() ==
          "no package:\n  - a\n  - b error: c");
    CHECK(Error(Fault::integrity, std::string(5000, 'a')).message() == std::string(4000, 'a') + "…");
}

TEST_CASE("a cell of a Markdown table shows text and nothing else") {
    CHECK(markdown_cell("a|b `c` <img> [x](y) ![z] &#x202e; $m$ @kong #1 ~~d~~") ==
          "a\\|b \\`c\\` \\<img\\> \\[x\\](y) \\!\\[z\\] \\&\\#x202e; \\$m\\$ \\@kong \\#1 \\~\\~d\\~\\~");
    CHECK(markdown_cell("a\nb\u202e") == "a b\ufffd");
}

TEST_CASE("a URL in a message has no password and no token") {
    const std::pair<std::string, std::string> rows[] = {
        {"https://github.com/Kong/x.git", "https://github.com/Kong/x.git"},
        {"https://otto:s3cret@host:8443/p", "https://host:8443/p"},
        {"https://s3cret@host/p", "https://host/p"},
        {"https://otto:s3@cret@host/p", "https://host/p"},
        {"https://otto:s3/cret@host/p", "https://host/p"},  // a slash that ought to be %2F
        {"https://host/v2/blobs/uploads/1?_state=s3cret&digest=x", "https://host/v2/blobs/uploads/1?…"},
        {"https://host?token=s3cret", "https://host?…"},
        {"https://host:5000/a@v1", "https://host:5000/a@v1"},
        {"https://[::1]:5000/a@v1", "https://[::1]:5000/a@v1"},
        {"git@github.com:Kong/x.git", "git@github.com:Kong/x.git"},
        {"http://h/\x1b[31mx", "http://h/x"},
    };
    for (const auto& [url, shown] : rows) {
        CAPTURE(url);
        CHECK(printable_url(url) == shown);
    }
}

TEST_CASE("the nearest name, where it can be meant") {
    const std::vector<std::string> options{"--source", "--ref", "--runtime", "--runtime-version", "--push"};
    CHECK(nearest("--sauce", options) == "--source");
    CHECK(nearest("--runtime-versoin", options) == "--runtime-version");
    CHECK(nearest("--pusch", options) == "--push");
    CHECK(nearest("--ref", options) == "--ref");
    CHECK_FALSE(nearest("--completely-else", options));
    CHECK(nearest("v9", std::vector<std::string>{"v8", "wasmer"}) == "v8");
    // As far as it is long: nothing is left that could be meant.
    CHECK_FALSE(nearest("xy", std::vector<std::string>{"v8"}));
    CHECK_FALSE(nearest("", std::vector<std::string>{"v8"}));
    CHECK_FALSE(nearest("push", {}));
}

TEST_CASE("words for a shell") {
    CHECK(shell_quoted("/var/lib/x-1_2.tar:a=b@c%") == "/var/lib/x-1_2.tar:a=b@c%");
    CHECK(shell_quoted("") == "''");
    CHECK(shell_quoted("a b") == "'a b'");
    CHECK(shell_quoted("it's") == "'it'\\''s'");
    CHECK(shell_quoted("$HOME") == "'$HOME'");
    CHECK(shell_quoted("~") == "'~'");
}

TEST_CASE("an unset variable is an empty one") {
    const test::Variable set("WASMX_TEST_VARIABLE", "x");
    CHECK(environment("WASMX_TEST_VARIABLE") == "x");
    const test::Variable unset("WASMX_TEST_VARIABLE", std::nullopt);
    CHECK(environment("WASMX_TEST_VARIABLE").empty());
}

TEST_CASE("sizes as people write them") {
    struct Row {
        const char* text;
        std::optional<std::uint64_t> bytes;
    };
    for (const Row& row : {Row{"0", 0},
                           Row{"1000", 1000},
                           Row{"12B", 12},
                           Row{"8GB", 8'000'000'000},
                           Row{"8 GB", 8'000'000'000},
                           Row{"8gb", 8'000'000'000},
                           Row{"8GiB", 8ULL << 30},
                           Row{"8g", 8ULL << 30},
                           Row{"512M", 512ULL << 20},
                           Row{"1TB", 1'000'000'000'000},
                           Row{"2KiB", 2048},
                           Row{" 3k ", 3072},
                           Row{"", {}},
                           Row{"GB", {}},
                           Row{"8X", {}},
                           Row{"8GBs", {}},
                           Row{"-1GB", {}},
                           Row{"1.5GB", {}},
                           Row{"0x10", {}},
                           Row{"8 G B", {}},
                           Row{"99999999999999999999", {}},
                           Row{"99999999999TB", {}}}) {
        CAPTURE(row.text);
        CHECK(parse_bytes(row.text) == row.bytes);
    }
}

TEST_CASE("decimal bytes") {
    CHECK(human_decimal_bytes(999) == "999 B");
    CHECK(human_decimal_bytes(25276510208) == "25.3 GB");
    CHECK(human_decimal_bytes(999'950) == "1.0 MB");
    CHECK(human_decimal_bytes(999'900) == "999.9 kB");
}

TEST_SUITE_END();
