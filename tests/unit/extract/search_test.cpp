// SPDX-License-Identifier: Apache-2.0
#include "extract/search.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "tars.hpp"

namespace wasmx::extract {

namespace {

using namespace test;

Layers layers_of(std::vector<std::string> blobs, std::vector<std::size_t>* opened = nullptr) {
    auto diff_ids = diff_ids_of(blobs);
    return {.diff_ids = std::move(diff_ids), .open = [blobs = std::move(blobs), opened](std::size_t index) {
                if (opened != nullptr) opened->push_back(index);
                const std::string& blob = blobs[index];
                return io::verified(io::from_string(blob), io::sha256(blob), blob.size());
            }};
}

std::vector<std::string> tars(const std::vector<Members>& layers) {
    std::vector<std::string> out;
    for (const Members& members : layers) out.push_back(tar(members));
    return out;
}

std::string content_of(const Found& found) { return all_of(found.content.body().open()); }

std::string message_of(const Error& error) {
    std::string out;
    for (const std::string& frame : error.frames()) out += frame + "\n";
    return out + error.message() + "\n" + error.hint();
}

std::string failure(const Layers& layers, const std::string& path, Fault fault) {
    try {
        search(layers, path);
    } catch (const Error& error) {
        CHECK(error.fault() == fault);
        return message_of(error);
    }
    FAIL("it was found");
    return {};
}

std::string chain_of_links(std::size_t count) {
    Members members{file("0", "end")};
    for (std::size_t i = 1; i <= count; ++i) members.push_back(symlink(std::to_string(i), std::to_string(i - 1)));
    return tar(members);
}

struct There {
    const char* name;
    std::vector<Members> layers;  // base first
    const char* path;
    const char* content;
    std::size_t layer;  // counted from 0
};

struct NotThere {
    const char* name;
    std::vector<Members> layers;
    const char* path;
    const char* says;
};

const std::vector<There> plain_cases{
    {"in the only layer", {{file("a/x", "1")}}, "/a/x", "1", 0},
    {"the newest layer wins", {{file("a/x", "old")}, {file("a/x", "new")}}, "/a/x", "new", 1},
    {"a lower layer has it", {{file("a/x", "1")}, {file("a/y", "2")}}, "/a/x", "1", 0},
    {"an empty layer between", {{file("a/x", "1")}, {}, {file("b", "")}}, "/a/x", "1", 0},
    {"an empty file", {{file("a/x", "")}}, "/a/x", "", 0},
    {"asked without the slash", {{file("a/x", "1")}}, "a/x", "1", 0},
    {"asked with too many", {{file("a/x", "1")}}, "//a/./x/", "1", 0},
    {"stored with ./", {{folder("./"), folder("./a/"), file("./a/x", "1")}}, "/a/x", "1", 0},
    {"stored with /", {{file("/a/x", "1")}}, "/a/x", "1", 0},
    {"stored with a .. that stays inside", {{file("b/../a/x", "1")}}, "/a/x", "1", 0},
    {"a name of more than 100 bytes", {{file(std::string(250, 'n') + "/x", "1")}}, nullptr, "1", 0},
    {"a name that begins alike", {{file("a/x", "1"), file("a/x2", "2"), file("a/", "")}}, "/a/x2", "2", 0},
    {"the last of two in a layer", {{file("a/x", "first"), file("a/x", "last")}}, "/a/x", "last", 0},
    {"a file after a directory of its name", {{folder("a/x"), file("a/x/y", ""), file("a/x", "1")}}, "/a/x", "1", 0},
    {"a directory whose mode alone changed", {{file("a/x", "1")}, {folder("a")}}, "/a/x", "1", 0},
};

const std::vector<There> whiteout_cases{
    {"a whiteout hides nothing in its own layer",
     {{file("a/x", "old")}, {whiteout("a/x"), file("a/x", "new")}},
     "/a/x",
     "new",
     1},
    {"not even after the file", {{file("a/x", "old")}, {file("a/x", "new"), whiteout("a/x")}}, "/a/x", "new", 1},
    {"of a directory, with a new file in it",
     {{file("a/x", "old")}, {whiteout("a"), file("a/x", "new")}},
     "/a/x",
     "new",
     1},
    {"opaque, with a new file", {{file("a/x", "old")}, {file("a/x", "new"), opaque("a")}}, "/a/x", "new", 1},
    {"of another name", {{file("a/x", "1")}, {whiteout("a/y"), whiteout("x"), whiteout("a/x/y")}}, "/a/x", "1", 0},
    {"opaque elsewhere", {{file("a/x", "1")}, {opaque("b"), opaque("a/b")}}, "/a/x", "1", 0},
    {"back after it was deleted", {{file("a/x", "1")}, {whiteout("a/x")}, {file("a/x", "3")}}, "/a/x", "3", 2},
    {"in a layer below the file's",
     {{file("a/x", "1")}, {whiteout("a")}, {folder("a"), file("a/x", "3")}},
     "/a/x",
     "3",
     2},
    {"aufs' own files are none",
     {{file("a/x", "1")}, {file(".wh..wh.a", ""), file(".wh..wh.plnk/a/x", "no")}},
     "/a/x",
     "1",
     0},
    {"whiteouts of . and .. hide nothing",
     {{file("a/x", "1")}, {file("a/.wh..", ""), file("a/.wh...", ""), file("a/.wh.", "")}},
     "/a/x",
     "1",
     0},
};

const std::vector<There> link_cases{
    {"a symbolic link beside it", {{file("a/y", "1"), symlink("a/x", "y")}}, "/a/x", "1", 0},
    {"an absolute one", {{file("b/y", "1"), symlink("a/x", "/b/y")}}, "/a/x", "1", 0},
    {"one with ..", {{file("b/y", "1"), symlink("a/x", "../b/y")}}, "/a/x", "1", 0},
    {"more .. than there are directories", {{file("b/y", "1"), symlink("a/x", "../../../b/y")}}, "/a/x", "1", 0},
    {"into a lower layer", {{file("b/y", "1")}, {symlink("a/x", "../b/y")}}, "/a/x", "1", 0},
    {"into a newer layer", {{symlink("a/x", "../b/y"), file("b/y", "old")}, {file("b/y", "new")}}, "/a/x", "new", 1},
    {"a link on the way", {{file("usr/lib/x", "1"), symlink("lib", "usr/lib")}}, "/lib/x", "1", 0},
    {"a link on the way, of a newer layer", {{file("usr/lib/x", "1")}, {symlink("lib", "usr/lib")}}, "/lib/x", "1", 0},
    {"two on the way and one at the end",
     {{folder("r"), file("r/s/t", "1"), symlink("a", "/r"), symlink("r/b", "s"), symlink("r/s/x", "t")}},
     "/a/b/x",
     "1",
     0},
    {"a link replaced by a directory",
     {{symlink("a", "b"), file("b/x", "no")}, {folder("a"), file("a/x", "1")}},
     "/a/x",
     "1",
     1},
    {"a link that took a file's place", {{file("a/x", "no"), file("b/x", "1"), symlink("a", "b")}}, "/a/x", "1", 0},
    {"a file that took a link's place", {{file("y", "no"), symlink("x", "y"), file("x", "1")}}, "/x", "1", 0},
    {".. after a link is the parent of its target",
     {{folder("p"), folder("p/q"), symlink("a/s", "/p/q"), file("p/y", "1"), file("a/y", "no"),
       symlink("a/x", "s/../y")}},
     "/a/x",
     "1",
     0},
    {".. after a directory, twice", {{folder("a/b/c"), file("y", "1"), symlink("x", "a/b/../../y")}}, "/x", "1", 0},
    {".. after a directory that is only implied",
     {{file("a/b/c", ""), file("a/y", "1"), symlink("x", "a/b/../y")}},
     "/x",
     "1",
     0},
    {".. after a link, after leading ..",
     {{folder("p/q"), file("p/y", "1"), symlink("a/s", "/p/q"), file("a/y", "no"), symlink("a/c/x", "../s/../y")}},
     "/a/c/x",
     "1",
     0},
    {"40 links", {}, "/40", "end", 0},
    {"a hard link", {{file("b/y", "1"), hardlink("a/x", "b/y")}}, "/a/x", "1", 0},
    {"a hard link with ./ and /", {{file("b/y", "1"), hardlink("a/x", "./b//y")}}, "/a/x", "1", 0},
    {"a hard link into a lower layer", {{file("b/y", "1")}, {hardlink("a/x", "b/y")}}, "/a/x", "1", 0},
    {"a hard link keeps what it was made of",
     {{file("b/y", "old"), hardlink("a/x", "b/y"), file("b/y", "new")}},
     "/a/x",
     "old",
     0},
    {"also when a newer layer changes that",
     {{file("b/y", "old"), hardlink("a/x", "b/y")}, {file("b/y", "new")}},
     "/a/x",
     "old",
     0},
    {"and when a newer layer deletes it",
     {{file("b/y", "1"), hardlink("a/x", "b/y")}, {whiteout("b/y"), opaque("b")}},
     "/a/x",
     "1",
     0},
    {"a hard link to a hard link", {{file("z", "1"), hardlink("y", "z"), hardlink("x", "y")}}, "/x", "1", 0},
    {"a hard link to its own older self", {{file("x", "1")}, {hardlink("x", "x")}}, "/x", "1", 0},
    {"a hard link to a symbolic one is read from its own place",
     {{symlink("b/y", "z"), file("b/z", "no"), file("a/z", "1"), hardlink("a/x", "b/y")}},
     "/a/x",
     "1",
     0},
    {"also through another hard link",
     {{symlink("c/z", "t"), hardlink("b/y", "c/z"), hardlink("a/x", "b/y"), file("a/t", "1"), file("b/t", "no"),
       file("c/t", "no")}},
     "/a/x",
     "1",
     0},
    {"and sees the image of today",
     {{symlink("b/y", "z"), file("a/z", "old"), hardlink("a/x", "b/y")}, {file("a/z", "new")}},
     "/a/x",
     "new",
     1},
    {"a symbolic link to a hard one", {{file("z", "1"), hardlink("y", "z"), symlink("x", "y")}}, "/x", "1", 0},
};

const std::vector<NotThere> absent_cases{
    {"nowhere", {{file("a/x", "")}, {file("b", "")}}, "/a/y", "/a/y is not in the image\nseen in /a: x"},
    {"its parent is nowhere", {{file("a/x", "")}}, "/c/d/x", "/c/d/x is not in the image"},
    {"deleted", {{file("a/x", "")}, {whiteout("a/x")}, {}}, "/a/x", "/a/x was deleted by layer 2"},
    {"deleted as overlayfs stores it",
     {{file("a/x", "")}, {whiteout_device("a/x")}, {}},
     "/a/x",
     "/a/x was deleted by layer 2"},
    {"deleted with a folder, as overlayfs stores it",
     {{file("a/b/x", "")}, {}, {whiteout_device("a")}},
     "/a/b/x",
     "/a/b/x was deleted with /a by layer 3"},
    {"deleted with its directory",
     {{file("a/b/x", "")}, {}, {whiteout("a")}},
     "/a/b/x",
     "/a/b/x was deleted with /a by layer 3"},
    {"replaced directory", {{file("a/b/x", "")}, {opaque("a")}}, "/a/b/x", "layer 2 replaced the directory /a"},
    {"replaced root", {{file("x", "")}, {file(".wh..wh..opq", "")}}, "/x", "layer 2 replaced the directory /"},
    {"a file in place of a directory above",
     {{file("a/b/x", "")}, {file("a/b", "")}},
     "/a/b/x",
     "/a/b is no directory (layer 2)"},
    {"later in the same layer", {{file("a/x", "no"), file("a", "")}}, "/a/x", "/a is no directory (layer 1)"},
    {"a directory over a file over a directory",
     {{file("a/x", "no")}, {file("a", "")}, {folder("a")}},
     "/a/x",
     "/a/x is not in the image"},
    {"a directory over a link is not that link",
     {{file("b/x", "no"), symlink("a", "b")}, {folder("a")}},
     "/a/x",
     "/a/x is not in the image"},
    {"a directory", {{folder("a")}}, "/a", "/a is a directory"},
    {"a directory, implied", {{file("a/b/x", "")}}, "/a/b", "/a/b is a directory"},
    {"a directory, over a file", {{file("a", "no")}, {folder("a")}}, "/a", "/a is a directory"},
    {"a directory after a file in the same layer", {{file("a", "no"), folder("a")}}, "/a", "/a is a directory"},
    {"an opaque directory", {{file("a", "no")}, {opaque("a")}}, "/a", "/a is a directory"},
    {"a directory whose files a file took away",
     {{file("a/x/y", ""), file("a", ""), folder("a")}},
     "/a/x",
     "/a/x is not in the image"},
    {"aufs' own files", {{file(".wh..wh.plnk/x", "no")}}, "/.wh..wh.plnk/x", "/.wh..wh.plnk/x is not in the image"},
    {"a link to a directory",
     {{folder("b"), symlink("a", "b")}},
     "/a",
     "following /a, a symbolic link to b\n/b is a directory"},
    {"a link to the root", {{symlink("a", "/")}}, "/a", "/ is a directory"},
    {"a link into nothing",
     {{symlink("a", "b/c")}},
     "/a",
     "following /a, a symbolic link to b/c\n/b/c is not in the image"},
    {"a link through a file", {{file("f", ""), symlink("a", "f/../x"), file("x", "no")}}, "/a", "/f is no directory"},
    {"a link to itself", {{symlink("a", "a")}}, "/a", "more than 40 links"},
    {"two links to each other", {{symlink("a", "b")}, {symlink("b", "/a")}}, "/a", "more than 40 links"},
    {"a directory that is a link to itself", {{symlink("a", "a")}}, "/a/x", "more than 40 links"},
    {"a link that grows", {{symlink("a", "a/b")}}, "/a", "more than 40 links"},
    {"41 links", {}, "/41", "more than 40 links"},
    {"a link to a name that Linux does not take",
     {{symlink("a", std::string(4096, 'b'))}},
     "/a",
     "/a is not in the image"},
    {"a hard link to a name that Linux does not take",
     {{hardlink("a", std::string(4096, 'b'))}},
     "/a",
     "/a is not in the image"},
    {"a hard link to nothing", {{hardlink("a", "b")}}, "/a", "following /a, a hard link to b\n/b is not in the image"},
    {"a hard link to what comes later", {{hardlink("a", "b"), file("b", "no")}}, "/a", "/b is not in the image"},
    {"a hard link to itself alone", {{hardlink("a", "a")}}, "/a", "/a is not in the image"},
};

template <class Case>
Layers layers_of_case(const Case& row) {
    return layers_of(row.layers.empty() ? std::vector{chain_of_links(41)} : tars(row.layers));
}

void check_there(const There& row) {
    CAPTURE(std::string(row.name));
    const std::string path = row.path == nullptr ? "/" + row.layers[0][0].path : row.path;
    try {
        const Found found = search(layers_of_case(row), path);
        CHECK(content_of(found) == row.content);
        CHECK(found.layer == row.layer);
    } catch (const Error& error) {
        FAIL_CHECK(message_of(error));
    }
}

}  // namespace

TEST_SUITE_BEGIN("extract");

TEST_CASE("search finds files, the newest first") {
    for (const There& row : plain_cases) check_there(row);
}

TEST_CASE("search honours whiteouts for lower layers only") {
    for (const There& row : whiteout_cases) check_there(row);
}

TEST_CASE("search follows links") {
    for (const There& row : link_cases) check_there(row);
}

TEST_CASE("search says why a file is not there") {
    for (const NotThere& row : absent_cases) {
        CAPTURE(std::string(row.name));
        const std::string said = failure(layers_of_case(row), row.path, Fault::not_found);
        CHECK_MESSAGE(said.find(row.says) != std::string::npos, said);
    }
}

TEST_CASE("search reads no layer below the one that decides, and that one to its end") {
    std::vector<std::size_t> opened;
    const auto layers = layers_of(tars({{file("x", "0")}, {file("x", "1")}, {file("y", "2")}}), &opened);
    CHECK(content_of(search(layers, "/x")) == "1");
    CHECK(opened == std::vector<std::size_t>{2, 1});
}

TEST_CASE("search reads plain, gzip and zstd layers") {
    const std::string plain = tar({file("a/x", std::string(300'000, 'x'))});
    for (const std::string& blob : {plain, gzipped(plain), zstd_stored(plain)}) {
        CHECK(content_of(search(layers_of({blob}), "/a/x")) == std::string(300'000, 'x'));
    }
}

TEST_CASE("what is read of all layers together has a limit, and each is what its diff ID says") {
    const std::vector<std::string> blobs{gzipped(tar({file("x", "1")})),
                                         gzipped(tar({file("y", std::string(5000, 'y'))}))};
    const auto said_of = [&](const Layers& layers) { return failure(layers, "/x", Fault::integrity); };
    Layers layers = layers_of(blobs);
    for (const std::uint64_t enough : {2048U + 6656U, 100'000U}) {
        layers.bytes_left = enough;
        CHECK(content_of(search(layers, "/x")) == "1");
    }
    layers.bytes_left = 2048 + 6655;
    CHECK(said_of(layers).find("reading layer 1 of 2\nmore comes out of the compressed bytes than is allowed") !=
          std::string::npos);
    layers.bytes_left = 6655;
    CHECK(said_of(layers).find("reading layer 2 of 2\nmore comes out") != std::string::npos);

    for (std::size_t layer : {0U, 1U}) {
        layers = layers_of(blobs);
        layers.diff_ids[layer] = io::sha256("other");
        const std::string said = said_of(layers);
        CHECK(said.find("the image's config says " + io::sha256("other").str()) != std::string::npos);
        CHECK(said.find(diff_id_of(blobs[layer]).str()) != std::string::npos);
    }
    // The one that decides is the last that is asked.
    layers = layers_of({blobs[1], blobs[0]});
    layers.diff_ids[0] = {};
    CHECK(content_of(search(layers, "/x")) == "1");
}

TEST_CASE("search finds the checksum file beside the name that was asked for") {
    const auto beside = [](const std::vector<Members>& layers) {
        return search(layers_of(tars(layers)), "/a/x").sha256_file;
    };
    CHECK(beside({{file("a/x.sha256", "s"), file("a/x", "1")}}) == "s");
    CHECK(beside({{file("a/x", "1"), file("a/x.sha256", "s")}}) == "s");
    CHECK(beside({{file("a/x", "1"), file("a/x.sha256", "s"), file("a/x.sha256", "t")}}) == "t");
    CHECK(beside({{file("a/x.sha256", "s"), symlink("a/x", "y"), file("a/y", "1"), file("a/y.sha256", "no")}}) == "s");
    CHECK(beside({{file("a/x.sha256", "s"), file("a/y", "1"), hardlink("a/x", "a/y")}}) == "s");
    CHECK(beside({{file("b/x.sha256", "s"), file("b/x", "1"), symlink("a", "b")}}) == "s");
    CHECK_FALSE(beside({{file("a/x", "1")}}));
    CHECK_FALSE(beside({{file("a/x", "1"), file("a/x.sha256", "gone"), symlink("a/x.sha256", "y")}}));
    CHECK_FALSE(beside({{file("a/x", "1"), symlink("a/x.sha256", "y")}}));
    CHECK_FALSE(beside({{file("a/x", "1"), file("a/x.sha256/y", "no"), file("x.sha256", "no")}}));
    CHECK_FALSE(beside({{file("a/x.sha256", "of another x")}, {file("a/x", "1")}}));
    CHECK_FALSE(beside({{file("a/x.sha256", "gone"), file("a", ""), folder("a"), file("a/x", "1")}}));
    CHECK(failure(layers_of(tars({{file("a/x.sha256", std::string(4097, 's')), file("a/x", "1")}})), "/a/x",
                  Fault::integrity)
              .find("a/x.sha256") != std::string::npos);
}

TEST_CASE("search refuses paths that name no file") {
    const auto layers = layers_of(tars({{file("x", "")}}));
    for (const char* path : {"", "/", "//", ".", "/./"})
        CHECK(failure(layers, path, Fault::usage).find("root") != std::string::npos);
    for (const char* path : {"/../x", "/a/../x", "..", "/a/.."})
        CHECK(failure(layers, path, Fault::usage).find("..") != std::string::npos);
}

TEST_CASE("search in an image without layers") {
    CHECK(failure({}, "/x", Fault::not_found).find("no layers") != std::string::npos);
}

TEST_SUITE_END();

}  // namespace wasmx::extract
