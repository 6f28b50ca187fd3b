// SPDX-License-Identifier: Apache-2.0
#include "commands/github_actions.hpp"

#include <doctest/doctest.h>

#include "io/file.hpp"
#include "support/folder.hpp"
#include "support/recording.hpp"

using namespace wasmx;
using namespace wasmx::commands;

TEST_SUITE_BEGIN("commands");

TEST_CASE("an annotation is one line, and what it quotes is no command") {
    io::HttpClient http(std::stop_token(), "test");
    test::Recording progress;
    std::vector<std::string> lines;
    App app{
        .http = http, .progress = progress, .tell_runner = [&](std::string_view line) { lines.emplace_back(line); }};
    annotate(app, Level::error, "a,b:c%", "one\n::set-output name=x::y\n##[add-path]z \x1b]0;t\x07\u202e 100%");
    annotate(app, Level::warning, "t\r\n::x", "m");
    CHECK(lines == std::vector<std::string>{
                       "::error title=a%2Cb%3Ac%25::one%0A: :set-output name=x::y%0A## [add-path]z \ufffd 100%25",
                       "::warning title=t %3A%3Ax::m"});
}

TEST_CASE("an output holds no line's end, which would be another output") {
    const test::Folder folder;
    const test::Variable file("GITHUB_OUTPUT", (folder.path() / "output").string());
    set_output("path", "dist/x y=z");
    CHECK(io::read_file(folder.path() / "output") == "path=dist/x y=z\n");
    for (const char* value : {"a\nsha256=0", "a\rb"}) CHECK_THROWS_AS(set_output("path", value), Error);
    CHECK(io::read_file(folder.path() / "output") == "path=dist/x y=z\n");
}

TEST_SUITE_END();
