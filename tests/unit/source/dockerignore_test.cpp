// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <chrono>

#include "base/error.hpp"
#include "source/pattern.hpp"
#include "source/source.hpp"

using namespace wasmx;
using source::DockerIgnore;

TEST_SUITE_BEGIN("source");

TEST_CASE("a pattern and a path, from end to end") {
    struct Row {
        const char* pattern;
        const char* path;
        bool matches;
    };
    const Row rows[] = {
        {"abc", "abc", true},
        {"abc", "abcd", false},
        {"abc", "xabc", false},
        {"*", "abc", true},
        {"*c", "abc", true},
        {"a*", "a", true},
        {"a*", "ab/c", false},
        {"a*/b", "abc/b", true},
        {"a*/b", "a/c/b", false},
        {"a*b*c*d*e*/f", "axbxcxdxe/f", true},
        {"a*b*c*d*e*/f", "axbxcxdxexxx/fff", false},
        {"a*b?c*x", "abxbbxdbxebxczzx", true},
        {"a*b?c*x", "abxbbxdbxebxczzy", false},
        {"?", "a", true},
        {"?", "/", false},
        {"a?b",
         "a\xe2\x98\xba"
         "b",
         true},  // ☺ is one character
        {"a???b",
         "a\xe2\x98\xba"
         "b",
         false},
        {"ab[c]", "abc", true},
        {"ab[b-d]", "abc", true},
        {"ab[e-g]", "abc", false},
        {"ab[^c]", "abc", false},
        {"ab[^e-g]", "abc", true},
        {"a[^a]b",
         "a\xe2\x98\xba"
         "b",
         true},
        {"[a-\xce\xb6]*", "\xce\xb1", true},  // up to ζ, and α is below
        {"*[a-\xce\xb6]", "A", false},
        {"[\\]a]", "]", true},
        {"[\\-x]", "-", true},
        {"[x\\-]", "z", false},
        {"a\\*b", "a*b", true},
        {"a\\*b", "ab", false},
        {"a\\\\b", "a\\b", true},
        {"a\\bc", "abc", true},
        // What a regular expression would take for its own means nothing.
        {"a.b", "axb", false},
        {"a+", "aa", false},
        {"a(b)|c$", "a(b)|c$", true},
        {"{a,b}", "a", false},
        {"^a", "a", false},
        // Two stars cross slashes; with the slash behind them they may also stand for nothing.
        {"**", "a", true},
        {"**", "a/b/c", true},
        {"**/", "a/b", true},
        {"dir/**", "dir/a", true},
        {"dir/**", "dir/a/b", true},
        {"dir/**", "dir", false},
        {"dir/**", "dirt/a", false},
        {"**/dir", "dir", true},
        {"**/dir", "a/b/dir", true},
        {"**/dir", "a/mydir", false},
        {"**/*.txt", "a.txt", true},
        {"**/*.txt", "a/b/c.txt", true},
        {"a/**/b", "a/b", true},
        {"a/**/b", "a/x/y/b", true},
        {"a/**/b", "a/xb", false},
        {"**/a/**/*.o", "x/a/y/z/f.o", true},
        {"a**b", "ab", true},
        {"a**b", "ax/b", true},
        {"a**b", "axb", false},
        {"**.txt", "a/.txt", true},
        {"abc/def**", "abc/defghi/j", true},
        {"", "", true},
        {"", "a", false},
        {"\xff", "\xff", true},  // names are bytes; UTF-8 or not
        {"?", "\xff", true},
    };
    for (const Row& row : rows) {
        CAPTURE(row.pattern);
        CAPTURE(row.path);
        CHECK(source::is_pattern(row.pattern));
        CHECK(source::pattern_matches(row.pattern, row.path) == row.matches);
    }
}

TEST_CASE("what is no pattern") {
    for (const char* pattern :
         {"[", "[a", "[]", "[]a]", "[^]", "[-x]", "[x-]", "[a-b-c]", "[^bc", "a[", "a\\", "[\\"}) {
        CAPTURE(pattern);
        CHECK_FALSE(source::is_pattern(pattern));
        CHECK_FALSE(source::pattern_matches(pattern, "a"));
    }
}

TEST_CASE("no pattern takes long") {
    std::string pattern;
    for (int i = 0; i < 200; ++i) pattern += "a*";
    const std::string path(4000, 'a');
    const auto started = std::chrono::steady_clock::now();
    CHECK(source::pattern_matches(pattern, path));
    CHECK_FALSE(source::pattern_matches(pattern + "b", path));
    CHECK(std::chrono::steady_clock::now() - started < std::chrono::seconds(10));
}

TEST_CASE("paths made clean") {
    const std::pair<const char*, const char*> rows[] = {
        {"", "."},
        {".", "."},
        {"/", "/"},
        {"a/", "a"},
        {"./a", "a"},
        {"a//b/./c", "a/b/c"},
        {"a/../b", "b"},
        {"a/..", "."},
        {"../a", "../a"},
        {"../../a/..", "../.."},
        {"/../a", "/a"},
        {"/a/../..", "/"},
        {"a/b/../../..", ".."},
        {"...", "..."},
    };
    for (const auto& [path, clean] : rows) CHECK(source::clean_path(path) == clean);
}

TEST_CASE("rules of a .dockerignore") {
    struct Row {
        const char* rules;
        const char* path;
        bool excluded;
    };
    const Row rows[] = {
        {"", "a", false},
        {"\n\n  \n", "a", false},
        {"a", "a", true},
        {"a", "b/a", false},  // from the top only
        {"a/", "a", true},
        {"/a", "a", true},
        {"./a//b/../c", "a/c", true},
        {"  a \r\n", "a", true},
        {"\xef\xbb\xbf"
         "a",
         "a", true},
        {"# a\nb", "a", false},
        {"# a\nb", "# a", false},
        {" # a", "# a", true},  // a comment begins in the first column
        {"a # b", "a", false},
        // What is in an excluded folder is excluded.
        {"docs", "docs/a/b.md", true},
        {"docs", "docsy/a", false},
        {"*", "a/b", true},
        {"*/b", "a/b/c", true},
        {"*/b", "x/a/b", false},
        {"**/node_modules", "a/b/node_modules/c/d", true},
        {".", "a", false},
        {"/", "a", false},
        // The last rule that matches decides.
        {"*\n!a", "a", false},
        {"!a\n*", "a", true},
        {"*.md\n!README*.md\nREADME-secret.md", "README-secret.md", true},
        {"*.md\n!README*.md\nREADME-secret.md", "README-x.md", false},
        {"*.md\nREADME-secret.md\n!README*.md", "README-secret.md", false},
        {"! a", "a", false},
        {"*\n! /a/", "a", false},
        // An exception for a file in an excluded folder, and for a whole folder.
        {"docs\n!docs/README.md", "docs/README.md", false},
        {"docs\n!docs/README.md", "docs/other.md", true},
        {"docs\n!docs/README.md", "docs", true},
        {"*\n!src", "src/a/b.c", false},
        {"*\n!src\nsrc/secret", "src/secret/key", true},
        {"**\n!**/*.c", "a/b.c", false},
        {"**\n!**/*.c", "a/b.o", true},
        {"dir\n!dir/*\ndir/x", "dir/x/y", true},
        {"util/*.docker\n!util/foo.docker", "util/foo.docker", false},
    };
    for (const Row& row : rows) {
        CAPTURE(row.rules);
        CAPTURE(row.path);
        CHECK(DockerIgnore(row.rules).excludes(row.path) == row.excluded);
    }
}

TEST_CASE("a line that is no pattern is named") {
    for (const char* rules : {"a\n!", "a\n! ", "a\n[b", "a\nb\\"}) {
        CAPTURE(rules);
        try {
            DockerIgnore ignore(rules);
            FAIL("accepted");
        } catch (const Error& error) {
            CHECK(error.fault() == Fault::config);
            CHECK(error.message().starts_with(".dockerignore, line 2: "));
        }
    }
}

TEST_CASE("a build needs its Dockerfile and .dockerignore whatever the rules say") {
    const DockerIgnore ignore("*");
    CHECK_FALSE(ignore.excludes_from_context("Dockerfile"));
    CHECK_FALSE(ignore.excludes_from_context("Dockerfile.ubuntu-22.04"));
    CHECK_FALSE(ignore.excludes_from_context(".dockerignore"));
    CHECK(ignore.excludes_from_context("a"));
    CHECK(ignore.excludes_from_context("a/Dockerfile"));
    CHECK_FALSE(ignore.has_exceptions());
    CHECK(DockerIgnore("a\n!b").has_exceptions());
}

TEST_SUITE_END();
