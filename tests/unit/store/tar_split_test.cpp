// SPDX-License-Identifier: Apache-2.0
#include "store/tar_split.hpp"

#include <doctest/doctest.h>

#include <map>

#include "store/layer_files.hpp"
#include "store/split_layer.hpp"
#include "support/error_of.hpp"

using namespace wasmx;
using namespace wasmx::store;
using test::error_of;
using test::Members;

namespace {

/// Puts a layer together from the folder's archive; `singles` are the files that had to be read by themselves.
std::string assembled_from(const std::string& recipe, const Members& folder, std::vector<std::string>& singles,
                           std::uint64_t most_held = 32 << 20, std::size_t most_single = 100) {
    ArchiveOfFiles files{.archive = io::from_string(test::folder_tar(folder)),
                         .open_one =
                             [&](const std::string& path) {
                                 singles.push_back(path);
                                 for (const test::Member& member : folder) {
                                     if (member.path != path) continue;
                                     if (member.type == test::Type::file) return io::from_string(member.text);
                                     for (const test::Member& target : folder)
                                         if (target.path == member.text) return io::from_string(target.text);
                                 }
                                 throw Error(Fault::not_found, "no " + path);
                             },
                         .most_held = most_held,
                         .most_single = most_single};
    const auto source = assembled(io::from_string(recipe), contents_of(std::move(files)));
    return io::read_all(*source, 1 << 24);
}

std::string assembled_from(const Members& members, std::vector<std::string>& singles,
                           std::uint64_t most_held = 32 << 20) {
    return assembled_from(test::recipe_of(test::tar(members), members), members, singles, most_held);
}

Error refusal_of(const std::string& recipe, const Members& folder = {}) {
    std::vector<std::string> singles;
    return error_of([&] { assembled_from(recipe, folder, singles); });
}

const std::string large(700, 'x');

}  // namespace

TEST_SUITE_BEGIN("store");

TEST_CASE("a layer is what its recipe and its files say, whatever the order") {
    const struct {
        const char* what;
        Members members;
    } rows[] = {
        {"nothing", {}},
        {"sorted", {test::folder("a"), test::file("a/b", large), test::file("c", "3"), test::file("d", "")}},
        {"reversed", {test::file("z", large), test::file("m", "2"), test::file("a", "1")}},
        {"a whiteout and an opaque folder", {test::whiteout("a/x"), test::opaque("b"), test::file("c", "3")}},
        {"links", {test::file("a", "1"), test::symlink("b", "a"), test::hardlink("c", "a")}},
        {"a name of 300 bytes", {test::file(std::string(150, 'a') + "/" + std::string(149, 'b'), large)}},
        {"a name that is no UTF-8", {test::file("caf\xe9", "1"), test::file("d", "2")}},
        {"a name in UTF-8", {test::file("caf\xc3\xa9", "1")}},
    };
    for (const auto& row : rows) {
        CAPTURE(row.what);
        std::vector<std::string> singles;
        CHECK(assembled_from(row.members, singles) == test::tar(row.members));
        CHECK(singles.empty());
    }
}

TEST_CASE("names are those of the folder, however the tar writes them") {
    const Members folder{test::file("a/b", "1"), test::file("c", "2")};
    const Members written{test::file("./a//b", "1"), test::file("/c", "2")};
    std::vector<std::string> singles;
    CHECK(assembled_from(test::recipe_of(test::tar(written), written), folder, singles) == test::tar(written));
    CHECK(singles.empty());
}

TEST_CASE("what does not fit into memory is read by itself, and so is a hard link that has the content") {
    const Members backwards{test::file("d", large), test::file("c", large), test::file("b", large),
                            test::file("a", "1")};
    std::vector<std::string> singles;
    CHECK(assembled_from(backwards, singles, 1000) == test::tar(backwards));
    CHECK(singles == std::vector<std::string>{"c"});

    singles.clear();
    CHECK(assembled_from(backwards, singles, 0) == test::tar(backwards));
    CHECK(singles == std::vector<std::string>{"c", "b", "a"});

    // In the layer "z" came first and has the content; the engine's archive has it as "a".
    const Members layer{test::file("z", "same"), test::hardlink("a", "z")};
    const Members folder{test::file("a", "same"), test::hardlink("z", "a")};
    singles.clear();
    CHECK(assembled_from(test::recipe_of(test::tar(layer), layer), folder, singles) == test::tar(layer));
    CHECK(singles == std::vector<std::string>{"z"});
}

TEST_CASE("where thousands would have to be read by themselves it gives up") {
    const Members backwards{test::file("d", large), test::file("c", large), test::file("b", large),
                            test::file("a", "1")};
    std::vector<std::string> singles;
    const Error error =
        error_of([&] { assembled_from(test::recipe_of(test::tar(backwards), backwards), backwards, singles, 0, 2); });
    CHECK(error.fault() == Fault::integrity);
    CHECK(singles.size() == 2);
}

TEST_CASE("files that are not those of the recipe are never passed off as the layer") {
    const Members layer{test::file("a", "12"), test::file("b", "3")};
    const std::string recipe = test::recipe_of(test::tar(layer), layer);
    CHECK(refusal_of(recipe, {test::file("a", "1"), test::file("b", "3")}).fault() == Fault::integrity);
    CHECK(refusal_of(recipe, {test::file("a", "123"), test::file("b", "3")}).fault() == Fault::integrity);
    CHECK(refusal_of(recipe, {test::file("b", "3")}).fault() == Fault::not_found);
    // Of the same size: its diff ID tells.
    std::vector<std::string> singles;
    CHECK(assembled_from(recipe, {test::file("a", "xx"), test::file("b", "3")}, singles) != test::tar(layer));
}

TEST_CASE("what is no recipe is refused") {
    for (const char* text : {
             "x",
             "[]",
             "{}",
             R"({"type":3})",
             R"({"type":"1"})",
             R"({"type":2,"payload":"*"})",
             R"({"type":2,"payload":7})",
             R"({"type":1,"name":"a","size":-1})",
             R"({"type":1,"name":"a","size":1.5})",
             R"({"type":1,"size":1})",
             R"({"type":1,"name":7,"size":1})",
             R"({"type":1,"name_raw":"*","size":1})",
             "\x1f\x8b",
         }) {
        CAPTURE(text);
        CHECK(refusal_of(text).fault() == Fault::integrity);
    }
    CHECK(refusal_of(R"({"type":1,"name":"../../etc/shadow","size":1})").fault() == Fault::not_found);
    CHECK(refusal_of("{\"type\":2,\"payload\":\"" + std::string(17 << 20, 'A')).fault() == Fault::integrity);
}

TEST_SUITE_END();
