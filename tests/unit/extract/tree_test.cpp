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
    auto diff_ids = diff_ids_of(blobs);
    return {.diff_ids = std::move(diff_ids), .open = [blobs = std::move(blobs)](std::size_t index) {
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
            case Type::whiteout:
            case Type::other: out += "?"; break;
        }
    }
    return out;
}

std::string taken(const std::vector<Members>& layers, const std::string& selection, std::size_t* read = nullptr,
                  std::multiset<std::size_t>* times = nullptr) {
    Layers all = layers_of(layers);
    std::multiset<std::size_t> opened;
    all.open = [&opened, open = std::move(all.open)](std::size_t layer) {
        opened.insert(layer);
        return open(layer);
    };
    const Tree tree = search_tree(all, Selection::parse(selection), Content::taken);
    if (read != nullptr) *read = std::set<std::size_t>(opened.begin(), opened.end()).size();
    if (times != nullptr) *times = opened;
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
    {"a device 0/0 for a deleted file, which docker and podman take for a whiteout",
     {{file("d/a", "1"), file("d/b", "2")}, {whiteout_device("d/a")}},
     "/d/.",
     "b=2"},
    {"for a deleted folder", {{file("d/a/x", "1"), file("d/b", "2")}, {whiteout_device("./d/a")}}, "/d/.", "b=2"},
    {"for the folder itself, made anew in another layer",
     {{file("d/a", "1")}, {whiteout_device("d")}, {file("d/b", "2")}},
     "/d/.",
     "b=2",
     2},
    {"with a new file in its place later in the layer",
     {{file("d/a", "1")}, {whiteout_device("d/a"), file("d/a", "2")}},
     "/d/.",
     "a=2"},
    {"in the place of a file of its own layer", {{file("d/a", "1"), whiteout_device("d/a")}}, "/d/.", ""},
    {"a deleted file that is a hard link to another, as overlayfs makes them",
     {{file("d/a", "1"), file("d/b", "2"), file("d/c", "3")},
      {whiteout_device("e"), hardlink("d/a", "e"), whiteout_device("d/b"), hardlink("d/c", "d/b")}},
     "/d/.",
     ""},
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
    {"a hard link to a link elsewhere", {{symlink("e", "x"), hardlink("d/l", "e")}}, "/d/.", "l->x"},
    {"a hard link to a link elsewhere, by way of another",
     {{symlink("e", "x"), hardlink("f", "e"), hardlink("d/l", "f")}},
     "/d/.",
     "l->x"},
    {"a hard link to its own older self", {{file("d/l", "1")}, {hardlink("d/l", "d/l")}}, "/d/.", "l=1"},
    {"hard links to what one name was at their time",
     {{file("e", "0")},
      {hardlink("d/k", "e"), file("e", "1"), hardlink("d/l", "e"), file("e", "2"), hardlink("d/m", "e")}},
     "/d/.",
     "k=0 l=1 m=2"},
    {"hard links to hard links of several layers",
     {{file("e", "0")},
      {hardlink("f", "e")},
      {hardlink("g", "f"), file("e", "no")},
      {hardlink("d/l", "g"), hardlink("d/m", "e")}},
     "/d/.",
     "l=0 m=no"},
    {"a hard link by way of a linked folder, as it was",
     {{file("e/x", "1"), file("f/x", "no")}, {symlink("g", "e"), hardlink("d/l", "g/x"), symlink("g", "f")}},
     "/d/.",
     "l=1"},
    {"a hard link by way of .. behind a linked folder",
     {{folder("p/q"), file("p/x", "1"), file("x", "no")},
      {symlink("s", "p/q"), symlink("t", "s/.."), hardlink("d/l", "t/x")}},
     "/d/.",
     "l=1"},
    {"a hard link to what the same layer deletes later",
     {{file("e", "1")}, {hardlink("d/l", "f"), file("f", "no")}, {file("f", "no")}},
     "/e",
     "e=1",
     0},
    {"a hard link past a folder that is none now",
     {{file("e/x", "1"), hardlink("d/l", "e/x"), file("e", "no")}, {file("e", "no")}},
     "/d/.",
     "l=1"},
    {"an empty file under two names", {{file("e", ""), hardlink("d/l", "e"), hardlink("d/m", "e")}}, "/d/.", "l= m="},
    {"what is hidden stands beside what is not",
     {{file("d/a", "1"), file("d/a-b/x", "2"), file("d/a/x", "no"), file("d/ab", "3")},
      {whiteout("d/a"), opaque("d/a-b")}},
     "/d/.",
     "ab=3"},
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

TEST_CASE("a folder that overlayfs does not merge, by its extended attribute") {
    const auto layers = [](const std::string& upper) {
        const std::vector<std::string> blobs{tar({file("d/a", "1"), file("d/e/x", "x")}), upper + raw_end()};
        return Layers{.diff_ids = diff_ids_of(blobs), .open = [blobs](std::size_t index) {
                          return io::verified(io::from_string(blobs[index]), io::sha256(blobs[index]),
                                              blobs[index].size());
                      }};
    };
    const std::string opaque_folder = raw_record("SCHILY.xattr.trusted.overlay.opaque=y") + raw_header("d/", '5', 0);
    const std::string file_in_it = raw_file("d/b", "2");
    for (const std::string& upper : {opaque_folder + file_in_it, file_in_it + opaque_folder})
        CHECK(shown(search_tree(layers(upper), Selection::parse("/d/."), Content::taken)) == "b=2");
    CHECK(shown(search_tree(layers(raw_header("d/", '5', 0) + file_in_it), Selection::parse("/d/."), Content::taken)) ==
          "a=1 b=2 e/x=x");
}

TEST_CASE("a folder that is not there") {
    CHECK(failure({{file("a", "")}}, "/d/.") == "/d is not in the image");
    CHECK(failure({{file("d", "")}}, "/d/.") == "/d is no directory");
    CHECK(failure({{file("d/a", "")}, {whiteout("d")}}, "/d/*") == "/d was deleted by layer 2");
    CHECK(failure({{file("d/a", "")}, {whiteout_device("d")}}, "/d/*") == "/d was deleted by layer 2");
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
    CHECK(failure(layers, "/.", {.members = 1}).find("more than 1 members") != std::string::npos);
    CHECK(failure(layers, "/d/.", {.kept_names = 2}) == "nothing failed");
    CHECK(failure(layers, "/d/.", {.kept_names = 1}).find("of names") != std::string::npos);
    CHECK(failure({{whiteout("d/abc")}, {symlink("d/l", "abc")}}, "/d/.", {.kept_names = 6}).find("of names") !=
          std::string::npos);
    // One content, and as many files.
    const std::vector<Members> linked{{file("d/a", "12345"), hardlink("d/b", "d/a")}, {hardlink("d/c", "d/a")}};
    CHECK(failure(linked, "/d/.", {.kept_bytes = 15}) == "nothing failed");
    CHECK(failure(linked, "/d/.", {.kept_bytes = 14}).find("in all") != std::string::npos);
    const std::vector<Members> outside{{file("e/a/b/c", "12345")}, {hardlink("d/b", "e/a/b/c")}};
    CHECK(failure(outside, "/d/.", {.kept_bytes = 5}) == "nothing failed");
    CHECK(failure(outside, "/d/.", {.kept_bytes = 4}).find("more than the limit") != std::string::npos);
    CHECK(failure(outside, "/d/.", {.kept_entries = 3}).find("lead to more than 3 names") != std::string::npos);
    CHECK(failure({{file("e", "1"), hardlink("d/a/a/a/a/a", "e")}}, "/d/.", {.kept_entries = 1})
              .find("take more memory") != std::string::npos);
}

TEST_CASE("however many hard links there are, a layer is read once more for all of them") {
    Members members{file("e/0", "0"), file("e/1", "1")};
    std::string expected;
    for (const char name : std::string_view("abcdefghij")) {
        const std::string to = name % 2 == 0 ? "0" : "1";
        members.push_back(hardlink(std::string("d/") + name, "e/" + to));
        expected.append(expected.empty() ? "" : " ").append(1, name).append("=" + to);
    }
    std::multiset<std::size_t> times;
    CHECK(taken({{file("x", "")}, members, {file("y", "")}}, "/d/.", nullptr, &times) == expected);
    CHECK(times == std::multiset<std::size_t>{0, 1, 1, 2});
    members.push_back(hardlink("d/k", "x"));
    CHECK(taken({{file("x", "x")}, members, {file("y", "")}}, "/d/.", nullptr, &times) == expected + " k=x");
    CHECK(times == std::multiset<std::size_t>{0, 0, 1, 1, 2});
    // One content for all.
    const Tree tree = search_tree(layers_of({members, {file("x", "")}}), Selection::parse("/d/[a-j]"), Content::taken);
    CHECK(tree.content.size() == 2);
}

TEST_CASE("hard links have an end") {
    Members chain{file("e0", "1")};
    for (int i = 1; i <= 41; ++i) chain.push_back(hardlink("e" + std::to_string(i), "e" + std::to_string(i - 1)));
    const auto with = [&](const std::string& last) {
        Members members = chain;
        members.push_back(hardlink("d/l", last));
        return std::vector<Members>{members};
    };
    CHECK(taken(with("e39"), "/d/.") == "l=1");
    CHECK(failure(with("e40"), "/d/.").find("more than 40 links") != std::string::npos);
    CHECK(failure({{symlink("s", "s"), hardlink("d/l", "s/x")}}, "/d/.").find("more than 40 links") !=
          std::string::npos);
}

TEST_CASE("a hard link that leads to no file") {
    CHECK(failure({{folder("e"), hardlink("d/l", "e")}}, "/d/.") ==
          "following /d/l, a hard link to e; /e is a directory");
    CHECK(failure({{file("e/x", ""), hardlink("d/l", "e")}}, "/d/.").find("/e is a directory") != std::string::npos);
    CHECK(failure({{file("e", "")}, {hardlink("d/l", "e"), whiteout("e")}}, "/d/.") ==
          "following /d/l, a hard link to e; /e was deleted by layer 2");
    CHECK(failure({{file("e/f", "")}, {opaque("e")}, {hardlink("d/l", "e/f")}}, "/d/.")
              .find("layer 2 replaced the directory /e") != std::string::npos);
    CHECK(failure({{file("e", ""), hardlink("d/l", "e/f")}}, "/d/.").find("/e is no directory (layer 1)") !=
          std::string::npos);
    CHECK(failure({{symlink("e", "f"), file("f/x", "")}, {folder("e"), hardlink("d/l", "e/x")}}, "/d/.") ==
          "following /d/l, a hard link to e/x; /e/x is not in the image");
    CHECK(failure({{hardlink("d/l", "/")}}, "/d/.").find("/ is a directory") != std::string::npos);
    CHECK(failure({{hardlink("d/l", std::string(4096, 'n'))}}, "/d/.").find("/d/l is not in the image") !=
          std::string::npos);
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
