// SPDX-License-Identifier: Apache-2.0
#include "build/dockerfile.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "images/data.hpp"

using namespace wasmx;
using build::base_images;
using Names = std::vector<std::string>;

TEST_SUITE_BEGIN("build");

TEST_CASE("the images that a Dockerfile starts from") {
    struct Row {
        const char* what;
        const char* text;
        Names images;
    };
    const Row rows[] = {
        {"one", "FROM ubuntu:22.04\nRUN x\n", {"ubuntu:22.04"}},
        {"any case, blanks, CR LF", "  from\tubuntu \r\nRUN x\r\n", {"ubuntu"}},
        {"with a platform",
         "FROM --platform=$BUILDPLATFORM golang:1 AS b\nFROM --platform=linux/arm64 busybox",
         {"golang:1", "busybox"}},
        {"own stages are no images", "FROM a AS build\nFROM BUILD as Next\nFROM next\nFROM b", {"a", "b"}},
        {"a stage hides an image of its name only later", "FROM a\nFROM b AS a\nFROM a", {"a", "b"}},
        {"scratch", "FROM scratch\nCOPY x /", {}},
        {"each once", "FROM a\nFROM b\nFROM a", {"a", "b"}},
        {"quoted", "FROM \"ubuntu\"", {"ubuntu"}},
        {"an ARG before FROM",
         "ARG TAG=22.04\nFROM ubuntu:$TAG\nFROM ubuntu:${TAG}-slim",
         {"ubuntu:22.04", "ubuntu:22.04-slim"}},
        {"several on a line, one of another, quoted", "ARG A=1 B=\"x-$A\" C='y'\nFROM $C:$B", {"y:x-1"}},
        {"defaults",
         "ARG SET=s\nARG EMPTY\nFROM a:${SET:-d}\nFROM b:${EMPTY:-d}\nFROM c:${NONE:-d}\nFROM d${SET:+-x}\nFROM "
         "e${EMPTY:+-x}",
         {"a:s", "b:d", "c:d", "d-x", "e"}},
        {"an ARG of a stage is not seen", "ARG T=1\nFROM scratch\nARG T=2\nFROM a:$T", {"a:1"}},
        {"what nobody declared is the engine's to know",
         "FROM a:$TARGETARCH\nFROM b:${TARGETARCH}\nFROM c:${X:-${Y}}\nFROM d:${X?err}\nFROM e${\nFROM f:$\nFROM g",
         {"g"}},
        {"continued", "FROM \\\n  --platform=linux/amd64 \\\n  ubuntu \\\n  AS x\nFROM x", {"ubuntu"}},
        {"continued inside a word", "FROM ubuntu:\\\n22.04", {"ubuntu:22.04"}},
        {"comments and blank lines inside", "FROM \\\n# a comment\n\n  ubuntu", {"ubuntu"}},
        {"comments", "# FROM no\n  # FROM no\nFROM yes # no comment", {"yes"}},
        {"another escape", "# syntax=docker/dockerfile:1\n# escape=`\nRUN dir c:\\\nFROM a`\n:1\n", {"a:1"}},
        {"no directive behind a comment", "# hello\n# escape=`\nFROM a \\\n AS b\nFROM b", {"a"}},
        {"no directive behind a blank line", "\n# escape=`\nFROM a \\\n AS b\nFROM b", {"a"}},
        {"a heredoc is no instruction",
         "FROM a\nRUN <<EOF python3\nfrom os import path\nEOF\nCOPY <<-\"X.1\" <<'Y' /\nFROM b\n\tX.1\nFROM c\nY\nFROM "
         "d",
         {"a", "d"}},
        {"no heredoc", "FROM a\nRUN cat <<< FROM\nRUN echo $((1<<EOF))\nENV X <<EOF\nFROM b", {"a", "b"}},
        {"no heredoc either: quotes that do not fit, a name that is none",
         "FROM a\nRUN <<'X\nRUN <<\"X'\nRUN <<-\nRUN <<1X\nRUN <<'\nRUN <<X-Y\nFROM b",
         {"a", "b"}},
        {"it ends in the middle", "FROM a\nFROM \\", {"a"}},
        {"nothing", "", {}},
        {"FROM alone", "FROM\nFROM --platform=x", {}},
    };
    for (const Row& row : rows) {
        CAPTURE(row.what);
        CHECK(base_images(row.text) == row.images);
    }
}

TEST_CASE("a line of any length is read in little room") {
    const std::string letters(1'000'000, 'x');
    CHECK(base_images("FROM a\nRUN <<" + letters + "\nFROM no\n" + letters + "\nFROM b") == Names{"a", "b"});
    CHECK(base_images("FROM a\nRUN " + std::string(1'000'000, '1') + "<<X\nX\nFROM b") == Names{"a", "b"});
    CHECK(base_images("FROM a\nRUN " + std::string(1'000'000, ' ') + "\nFROM b") == Names{"a", "b"});
    CHECK(base_images("FROM " + letters) == Names{letters});
    std::string doubling = "ARG A0=ab\n";
    for (int i = 1; i < 64; ++i)
        doubling += "ARG A" + std::to_string(i) + "=$A" + std::to_string(i - 1) + "$A" + std::to_string(i - 1) + "\n";
    CHECK(base_images(doubling + "FROM $A2\nFROM $A63\nFROM b") == Names{"abababab", "b"});
}

TEST_CASE("a given argument is stronger than a default, and only where the Dockerfile declares it") {
    CHECK(base_images("ARG T=1\nFROM a:$T", {{"T", "2"}}) == Names{"a:2"});
    CHECK(base_images("ARG T\nFROM a:$T", {{"T", "2"}}) == Names{"a:2"});
    CHECK(base_images("FROM a:$T", {{"T", "2"}}).empty());
}

TEST_SUITE_END();
