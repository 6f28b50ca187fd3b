// SPDX-License-Identifier: Apache-2.0
#include "extract/tree.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "tars.hpp"

namespace wasmx::extract {

namespace {

using namespace test;

Layers layers_of(const std::vector<Members>& layers) {
    std::vector<std::string> blobs;
    for (const Members& members : layers) blobs.push_back(tar(members));
    const std::size_t count = blobs.size();
    return {.count = count, .open = [blobs = std::move(blobs)](std::size_t index) {
                const std::string& blob = blobs[index];
                return io::verified(io::from_string(blob), io::sha256(blob), blob.size());
            }};
}

// "a/ a/x=content a/l->target", sorted.
std::string shown(const Tree& tree) {
    std::string out;
    for (const auto& [path, entry] : tree.entries) {
        out += out.empty() ? "" : " ";
        out += path;
        switch (entry.type) {
            case Type::file: {
                const std::string content = all_of(tree.content.part(entry.at, entry.size).open());
                CHECK(entry.digest == io::sha256(content));
                out += "=" + content;
                break;
            }
            case Type::directory: out += "/"; break;
            case Type::symlink: out += "->" + entry.target; break;
            case Type::hardlink: out += "=>" + entry.target; break;
            case Type::other: out += "?"; break;
        }
    }
    return out;
}

std::string taken(const std::vector<Members>& layers, const std::string& selection, std::size_t* read = nullptr) {
    Layers all = layers_of(layers);
    std::set<std::size_t> opened;
    all.open = [&opened, open = std::move(all.open)](std::size_t layer) {
        opened.insert(layer);
        return open(layer);
    };
    const Tree tree = search_tree(all, Selection::parse(selection), Content::taken);
    if (read != nullptr) *read = opened.size();
    return shown(tree);
}

std::string failure(const std::vector<Members>& layers, const std::string& selection, const LayerLimits& limits = {}) {
    try {
        search_tree(layers_of(layers), Selection::parse(selection), Content::taken, limits);
    } catch (const Error& error) {
        std::string out;
        for (const std::string& frame : error.frames()) out += frame + "; ";
        return out + error.message();
    }
    return "nothing failed";
}

struct Row {
    const char* name;
    std::vector<Members> layers;  // base first
    const char* selection;
    const char* result;
    std::size_t read = 0;  // layers; 0: all
};

const std::vector<Row> rows{
    {"what is in a folder",
     {{folder("d"), file("d/a", "1"), file("d/b/c", "2"), file("e", "no")}},
     "/d/.",
     "a=1 b/c=2"},
    {"a folder, with its name", {{folder("d"), file("d/a", "1"), file("dx", "no")}}, "/d", "d/ d/a=1"},
    {"a folder, with a slash", {{folder("d"), file("d/a", "1")}}, "/d/", "d/ d/a=1"},
    {"a file", {{file("d/a", "1"), file("d/ab", "no")}}, "/d/a", "a=1"},
    {"a pattern", {{file("d/a.gz", "1"), file("d/b.gz", "2"), file("d/c", "no")}}, "/d/*.gz", "a.gz=1 b.gz=2"},
    {"a pattern for folders", {{file("d/a/x", "1"), file("d/b/x", "2"), file("d/x", "no")}}, "/d/*/x", "a/x=1 b/x=2"},
    {"what is below a match", {{folder("d/a"), file("d/a/b/c", "1"), file("d/z", "no")}}, "/d/[ab]", "a/ a/b/c=1"},
    {"the root", {{file("a", "1"), folder("b")}}, "/.", "a=1 b/"},
    {"all at the root", {{file("./a", "1"), file("/b/c", "2")}}, "*", "a=1 b/c=2"},
    {"of two layers",
     {{file("d/a", "1"), file("d/b", "2")}, {file("d/b", "3"), file("d/c", "4")}},
     "/d/*",
     "a=1 b=3 c=4"},
    {"a whiteout", {{file("d/a", "1"), file("d/b", "2")}, {whiteout("d/a")}}, "/d/*", "b=2"},
    {"a whiteout of a folder in it", {{file("d/a/x", "1"), file("d/b", "2")}, {whiteout("d/a")}}, "/d/.", "b=2"},
    {"a whiteout and a new file", {{file("d/a", "1")}, {whiteout("d/a"), file("d/a", "2")}}, "/d/.", "a=2"},
    {"a whiteout and a new folder", {{file("d/a/x", "1")}, {file("d/a/y", "2"), whiteout("d/a")}}, "/d/.", "a/y=2"},
    {"an opaque folder hides what is below", {{file("d/a", "1")}, {opaque("d"), file("d/b", "2")}}, "/d/.", "b=2", 1},
    {"an opaque folder above", {{file("e/d/a", "1")}, {opaque("e"), file("e/d/b", "2")}}, "/e/d/.", "b=2", 1},
    {"an opaque folder inside",
     {{file("d/e/a", "1"), file("d/x", "2")}, {opaque("d/e"), file("d/e/b", "3")}},
     "/d/.",
     "e/b=3 x=2"},
    {"a whiteout of the folder, made anew", {{file("d/a", "1")}, {whiteout("d"), file("d/b", "2")}}, "/d/.", "b=2", 1},
    {"a whiteout of a folder above, made anew",
     {{file("e/d/a", "1")}, {whiteout("e"), file("e/d/b", "2")}},
     "/e/d/.",
     "b=2",
     1},
    {"a file where a folder was", {{file("d/a/x", "1")}, {file("d/a", "2")}}, "/d/.", "a=2"},
    {"a folder where a file was", {{file("d/a", "1")}, {folder("d/a"), file("d/a/x", "2")}}, "/d/.", "a/ a/x=2"},
    {"a file hides a folder from a pattern",
     {{file("d/a/x", "1"), file("d/b/x", "2")}, {file("d/a", "no")}},
     "/d/*/x",
     "b/x=2"},
    {"the folder was a file below", {{file("d", "no")}, {folder("d"), file("d/a", "1")}}, "/d/.", "a=1"},
    {"the folder was a link below",
     {{symlink("d", "e"), file("e/b", "no")}, {folder("d"), file("d/a", "1")}},
     "/d/.",
     "a=1"},
    {"in one layer the last wins", {{file("d/a", "1"), file("d/a", "2")}}, "/d/.", "a=2"},
    {"in one layer a file replaces a folder", {{file("d/a/x", "1"), file("d/a", "2")}}, "/d/.", "a=2"},
    {"in one layer a file replaces the folder",
     {{file("d/a", "1"), file("d", "no"), folder("d"), file("d/b", "2")}},
     "/d/.",
     "b=2"},
    {"one file needs no more than its layer", {{file("d/a", "1")}, {file("d/a", "2")}}, "/d/a", "a=2", 1},
    {"a deleted file needs no more", {{file("d/a", "1")}, {file("d/b", ""), whiteout("d/a")}}, "/d/a", "", 1},
    {"links stay links",
     {{file("d/a", "1"), symlink("d/l", "a"), symlink("d/m", "/etc/passwd")}},
     "/d/.",
     "a=1 l->a m->/etc/passwd"},
    {"a hard link is a file", {{file("d/a", "1"), hardlink("d/l", "d/a")}}, "/d/.", "a=1 l=1"},
    {"a hard link to what is replaced",
     {{file("d/a", "1"), hardlink("d/l", "d/a"), file("d/a", "2")}},
     "/d/.",
     "a=2 l=1"},
    {"a hard link to what is not taken", {{file("e", "1"), hardlink("d/l", "e")}}, "/d/.", "l=1"},
    {"a hard link to a lower layer", {{file("e", "1")}, {hardlink("d/l", "e")}, {file("e", "2")}}, "/d/.", "l=1"},
    {"a hard link to a link", {{symlink("d/s", "x"), hardlink("d/l", "d/s")}}, "/d/.", "l->x s->x"},
    {"the folder is a link", {{file("e/a", "1"), symlink("d", "e")}}, "/d/.", "a=1"},
    {"a folder above is a link", {{file("e/f/a", "1")}, {symlink("d", "/e")}}, "/d/f/*", "a=1"},
    {"a link up and down", {{file("e/a", "1"), folder("d/x"), symlink("d/l", "x/../../e")}}, "/d/l/.", "a=1"},
    {"a link to the root", {{file("a", "1"), symlink("d", "/")}}, "/d/a*", "a=1"},
    {"a file between two folders", {{file("d/a/x", "no")}, {file("d/a", "no")}, {folder("d/a")}}, "/d/.", "a/"},
    {"a folder after a file in one layer, below a folder",
     {{file("d/a/x", "1")}, {file("d/a", "no"), folder("d/a")}, {file("d/a/y", "2")}},
     "/d/.",
     "a/ a/x=1 a/y=2"},
    {"a folder that is only implied, where a file was", {{file("d/a", "no")}, {file("d/a/x", "1")}}, "/d/.", "a/x=1"},
    {"aufs' own files", {{file("d/.wh..wh.plnk/1.2", "no"), file("d/a", "1")}}, "/d/.", "a=1"},
    {"nothing that matches", {{file("d/a", "1")}}, "/d/*.gz", ""},
    {"hidden names match as well", {{file("d/.a", "1")}}, "/d/*", ".a=1"},
};

}  // namespace

TEST_SUITE_BEGIN("extract");

TEST_CASE("a selection comes to what all layers make of it") {
    for (const Row& row : rows) {
        CAPTURE(row.name);
        std::size_t read = 0;
        CHECK(taken(row.layers, row.selection, &read) == row.result);
        CHECK(read == (row.read == 0 ? row.layers.size() : row.read));
    }
}

TEST_CASE("a folder that is not there") {
    CHECK(failure({{file("a", "")}}, "/d/.") == "/d is not in the image");
    CHECK(failure({{file("d", "")}}, "/d/.") == "/d is no directory");
    CHECK(failure({{file("d/a", "")}, {whiteout("d")}}, "/d/*") == "/d was deleted by layer 2");
    CHECK(failure({{file("d", "")}}, "/d/e/*") == "/d/e is not in the image: /d is no directory (layer 1)");
    CHECK(failure({{symlink("d", "d")}}, "/d/*").find("more than 40 links") != std::string::npos);
    CHECK(failure({{symlink("d", "e")}}, "/d/*") == "following /d, a symbolic link to e; /e is not in the image");
    CHECK(failure({}, "/d/*") == "the image has no layers");
    CHECK(failure({{hardlink("d/l", "../x")}}, "/d/*").find("points outside the image") != std::string::npos);
    CHECK(failure({{hardlink("d/l", "gone")}}, "/d/*").find("/gone is not in the image") != std::string::npos);
    CHECK(failure({{file("../d/a", "")}}, "/d/*").find("outside the image") != std::string::npos);
    CHECK(failure({{file("../d/a", "")}}, "/*").find("outside the image") != std::string::npos);
}

TEST_CASE("what is taken has limits") {
    const std::vector<Members> layers{{file("d/a", "12345"), file("d/b", "12345")}};
    CHECK(failure(layers, "/d/.", {.kept_bytes = 10}) == "nothing failed");
    CHECK(failure(layers, "/d/.", {.kept_bytes = 9}).find("more than the limit") != std::string::npos);
    CHECK(failure(layers, "/d/.", {.kept_entries = 1}).find("more than 1 entries") != std::string::npos);
    CHECK(failure({{whiteout("d/a"), whiteout("d/b")}, {file("d/c", "")}}, "/d/.", {.kept_entries = 1})
              .find("more than 1 entries") != std::string::npos);
    CHECK(failure(layers, "/.", {.members = 1}).find("too many") != std::string::npos);
}

TEST_CASE("a list takes no content") {
    const Tree tree =
        search_tree(layers_of({{file("d/a", "12345"), hardlink("d/l", "x")}}), Selection::parse("/d/."), Content::left);
    CHECK(tree.content.size() == 0);
    CHECK(tree.entries.at("a").size == 5);
    CHECK(tree.entries.at("l").target == "x");
}

TEST_CASE("selections") {
    const auto parts = [](const std::string& text) {
        const Selection selection = Selection::parse(text);
        std::string out;
        for (const std::string& name : selection.base) out += "/" + name;
        out += "|";
        for (const std::string& pattern : selection.patterns) out += "/" + pattern;
        return out;
    };
    CHECK(parts("/a/b") == "/a|/b");
    CHECK(parts("a//./b/") == "/a|/b");
    CHECK(parts("/a/b/.") == "/a/b|");
    CHECK(parts("/a/*/c") == "/a|/*/c");
    CHECK(parts("/a/?") == "/a|/?");
    CHECK(parts("/") == "|");
    CHECK(parts("*.gz") == "|/*.gz");
    CHECK_THROWS_AS(Selection::parse("/a/../b"), Error);
    for (const char* text : {"/a/", "/a/.", "/a/*", "[x]", "/"}) CHECK(Selection::is_for_several(text));
    for (const char* text : {"/a", "a/b.gz"}) CHECK_FALSE(Selection::is_for_several(text));
}

TEST_SUITE_END();

}  // namespace wasmx::extract
