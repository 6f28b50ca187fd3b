// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "../extract/tars.hpp"
#include "artifact/artifact.hpp"
#include "artifact/listing.hpp"
#include "base/error.hpp"
#include "support/objects.hpp"

namespace wasmx::artifact {

namespace {

using namespace test;

const Contract contract{.package_name = "ngx_wasm_runtime-v8-1.2-linux-arm64.tar.gz",
                        .top_directory = "v8-1.2-linux-arm64",
                        .platform = oci::Platform(oci::Architecture::arm64),
                        .required_files = {"lib/libwee8.a", "include/wasm.h"}};

const std::string library = ar({{"a.o", Object{.machine = EM_AARCH64}.bytes()}});

std::string in_top(const std::string& name) { return contract.top_directory + "/" + name; }

const Members good{folder("v8-1.2-linux-arm64"), folder("v8-1.2-linux-arm64/lib"),
                   file("v8-1.2-linux-arm64/lib/libwee8.a", library), folder("v8-1.2-linux-arm64/include"),
                   file("v8-1.2-linux-arm64/include/wasm.h", "#pragma once\n")};

Members with(const Members& more) {
    Members out = good;
    out.insert(out.end(), more.begin(), more.end());
    return out;
}

Members without(const std::string& path) {
    Members out = good;
    std::erase_if(out, [&](const Member& member) { return member.path == path; });
    return out;
}

// The points against a tarball, one a line; empty when there are none.
std::string points_of_bytes(std::string bytes) {
    try {
        inspect(io::from_string(std::move(bytes)), contract);
        return {};
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::integrity);
        const std::string head = contract.package_name + " is not what its consumers expect:";
        if (!error.message().starts_with(head)) return error.message();
        return error.message().substr(head.size());
    }
}

std::string points(const Members& members) { return points_of_bytes(gzipped(tar(members))); }

struct Against {
    const char* name;
    Members members;
    const char* says;
};

const std::vector<Against> single_points{
    {"nothing in it", {}, "\n  - it holds nothing\n  - lib/libwee8.a is missing\n  - include/wasm.h is missing"},
    {"a file missing", without(in_top("lib/libwee8.a")), "\n  - lib/libwee8.a is missing"},
    {"an empty file", with({}), ""},
    {"a directory in place of a file",
     {folder(in_top("lib/libwee8.a")), file(in_top("include/wasm.h"), "1")},
     "\n  - lib/libwee8.a is missing"},
    {"two directories at the top", with({file("other/x", "1")}),
     "\n  - more than one name at the top: other, v8-1.2-linux-arm64"},
    {"a file at the top", with({file("README", "1")}),
     "\n  - more than one name at the top: README, v8-1.2-linux-arm64"},
    {"another name at the top",
     {file("v8-1.3/lib/libwee8.a", library), file("v8-1.3/include/wasm.h", "1")},
     "\n  - the top directory is v8-1.3, not v8-1.2-linux-arm64"},
    {"no directory around it",
     {file("lib/libwee8.a", library), file("include/wasm.h", "1")},
     "\n  - more than one name at the top: include, lib\n  - lib/libwee8.a is missing\n  - include/wasm.h is missing"},
    {"an absolute path", with({file("/etc/passwd", "1")}), "\n  - /etc/passwd: an absolute path"},
    {"a path that climbs", with({file(in_top("../../x"), "1")}),
     "\n  - v8-1.2-linux-arm64/../../x: a path with \"..\""},
    {"a path that climbs and comes back", with({file(in_top("lib/../x"), "1")}),
     "\n  - v8-1.2-linux-arm64/lib/../x: a path with \"..\""},
    {"an absolute link", with({symlink(in_top("x"), "/etc/passwd")}),
     "\n  - v8-1.2-linux-arm64/x: a symbolic link out of the top directory, to /etc/passwd"},
    {"a link that climbs", with({symlink(in_top("x"), "../../y")}),
     "\n  - v8-1.2-linux-arm64/x: a symbolic link out of the top directory, to ../../y"},
    {"a link to beside the top directory", with({symlink(in_top("lib/x"), "../../y")}),
     "\n  - v8-1.2-linux-arm64/lib/x: a symbolic link out of the top directory, to ../../y"},
    {"a link to above the top directory", with({symlink(in_top("x"), "..")}),
     "\n  - v8-1.2-linux-arm64/x: a symbolic link out of the top directory, to .."},
    {"a link whose .. depends on another link",
     with({symlink(in_top("l"), "."), symlink(in_top("lib/x"), "../l/../y")}),
     "\n  - v8-1.2-linux-arm64/lib/x: a symbolic link out of the top directory, to ../l/../y"},
    {"a member below a link", with({symlink(in_top("l"), "lib"), file(in_top("l/x"), "1")}),
     "\n  - v8-1.2-linux-arm64/l/x: below v8-1.2-linux-arm64/l, which is no directory"},
    {"a hard link to outside", with({hardlink(in_top("x"), "etc/passwd")}),
     "\n  - v8-1.2-linux-arm64/x: a hard link out of the top directory, to etc/passwd"},
    {"an absolute hard link", with({hardlink(in_top("x"), "/etc/passwd")}),
     "\n  - v8-1.2-linux-arm64/x: a hard link out of the top directory, to /etc/passwd"},
    {"a name twice", with({file(in_top("lib/libwee8.a"), library)}),
     "\n  - v8-1.2-linux-arm64/lib/libwee8.a: more than once in the archive"},
    {"a link to nothing in place of a file",
     {symlink(in_top("lib/libwee8.a"), "y"), file(in_top("include/wasm.h"), "1")},
     "\n  - lib/libwee8.a is missing"},
    {"a link to itself in place of a file",
     {symlink(in_top("lib/libwee8.a"), "libwee8.a"), file(in_top("include/wasm.h"), "1")},
     "\n  - lib/libwee8.a is missing"},
};

}  // namespace

TEST_SUITE_BEGIN("artifact");

TEST_CASE("inspect takes what keeps the contract, and says what it is") {
    const std::string bytes = gzipped(tar(good));
    const Summary summary = inspect(io::from_string(bytes), contract);
    CHECK(summary.digest == io::sha256(bytes));
    CHECK(summary.size == bytes.size());
    CHECK(summary.files == 2);
}

TEST_CASE("the digest is of the whole file, damaged or not") {
    for (const std::string& behind : {std::string(), std::string(1 << 20, '\0'), std::string("more")}) {
        const std::string bytes = gzipped(tar(good) + std::string(1 << 20, '\0')) + behind;
        const Summary summary = examine(io::from_string(bytes), contract).summary;
        CHECK(summary.digest == io::sha256(bytes));
        CHECK(summary.size == bytes.size());
        CHECK(points_of_bytes(bytes).empty() == behind.empty());
    }
}

TEST_CASE("what is compressed twice is no package, and is not decompressed twice") {
    const std::string twice = points_of_bytes(gzipped(gzipped(tar(good))));
    CHECK(twice.find("it is compressed twice") != std::string::npos);
    CHECK(twice.find("it cannot be read to its end") != std::string::npos);
    CHECK(points_of_bytes(zstd_stored(tar(good))).find("it is not compressed with gzip") != std::string::npos);
}

TEST_CASE("files that claim more than any package has are not read") {
    // A sparse file, which is nothing but a claim. (GNU tar manual, "PAX 0")
    const std::string records = "35 GNU.sparse.realsize=64000000001\n";
    std::string extended = records;
    extended.resize(512);
    std::string header = raw_header("pax", 'x', records.size()) + extended;
    const std::string archive = header + raw_header(in_top("lib/libwee8.a"), '0', 0) + raw_end();
    const Examined examined = examine(io::from_string(gzipped(archive)), contract);
    CHECK(examined.points[0].details.at(0) ==
          "it cannot be read to its end: the files in the archive claim to be more than 59.6 GiB");
}

TEST_CASE("inspect takes what tar makes of it") {
    CHECK(points(with({folder(in_top("lib/")), file(in_top("lib/empty.txt"), "")})) == "");
    CHECK(points({folder("./"), file("./v8-1.2-linux-arm64/lib/libwee8.a", library),
                  file("./v8-1.2-linux-arm64/include/wasm.h", "1")}) == "");
    CHECK(points(with(
              {symlink(in_top("include/x.h"), "wasm.h"), symlink(in_top("include/l"), "../lib/./libwee8.a")})) == "");
    CHECK(points({file(in_top("lib/a"), library), hardlink(in_top("lib/libwee8.a"), in_top("lib/a")),
                  file(in_top("include/v8.h"), "1"), symlink(in_top("include/wasm.h"), "../include/w"),
                  symlink(in_top("include/w"), "v8.h")}) == "");
}

TEST_CASE("inspect names the point that does not hold") {
    for (const Against& point : single_points) {
        CAPTURE(std::string(point.name));
        CHECK(points(point.members) == point.says);
    }
    Members empty_file = without(in_top("include/wasm.h"));
    empty_file.push_back(file(in_top("include/wasm.h"), ""));
    CHECK(points(empty_file) == "\n  - include/wasm.h is empty");
}

TEST_CASE("inspect names all of them at once") {
    Members members = without(in_top("include/wasm.h"));
    for (const Member& member :
         {file("other", "1"), file("/x", "1"), symlink(in_top("y"), "/y"), file(in_top("include/wasm.h"), "")})
        members.push_back(member);
    CHECK(points_of_bytes(tar(members)) ==
          "\n  - it is not compressed with gzip"
          "\n  - more than one name at the top: other, v8-1.2-linux-arm64"
          "\n  - include/wasm.h is empty"
          "\n  - /x: an absolute path"
          "\n  - v8-1.2-linux-arm64/y: a symbolic link out of the top directory, to /y");
}

TEST_CASE("inspect keeps a list readable") {
    Members members = good;
    for (int i = 0; i < 60; ++i) members.push_back(file("/" + std::to_string(i), ""));
    const std::string said = points(members);
    CHECK(said.find("/49: an absolute path") != std::string::npos);
    CHECK(said.find("/50: ") == std::string::npos);
    CHECK(said.ends_with("\n  - and 10 more"));
    CHECK(points(with({file("/\x1b[31mred\n", "")})).find('\x1b') == std::string::npos);
}

TEST_CASE("inspect wants gzip") {
    const std::string plain = tar(good);
    CHECK(points_of_bytes(plain) == "\n  - it is not compressed with gzip");
    CHECK(points_of_bytes(zstd_stored(plain)) == "\n  - it is not compressed with gzip");
}

TEST_CASE("a name as deep as nobody unpacks it is a point") {
    std::string deep = contract.top_directory;
    for (int i = 0; i < 100'000; ++i) deep += "/d";
    const std::string said = points(with({file(deep, "1")}));
    CHECK(said.ends_with("/d…: a name of more than 4096 bytes"));
    CHECK(
        points(with({symlink(in_top("x"), deep)})).ends_with("v8-1.2-linux-arm64/x…: a name of more than 4096 bytes"));
    CHECK(points(with({file(deep.substr(0, 4096), "1")})) == "");
}

TEST_CASE("inspect refuses devices") {
    for (const char type : {'3', '4', '6'})
        CHECK(points_of_bytes(gzipped(raw_header(in_top("dev"), type, 0) + tar(good))) ==
              "\n  - v8-1.2-linux-arm64/dev: a device or the like, no file, directory or link");
}

TEST_CASE("inspect refuses what is no whole archive") {
    const std::string bytes = gzipped(tar(good));
    CHECK_FALSE(points_of_bytes(bytes.substr(0, bytes.size() / 2)).empty());
    CHECK_FALSE(points_of_bytes("<html>404</html>").empty());
    CHECK_FALSE(points_of_bytes(gzipped("<html>404</html>")).empty());
    CHECK_FALSE(points_of_bytes("").empty());
    CHECK_FALSE(points_of_bytes(gzipped(raw_header(in_top("lib/libwee8.a"), '0', 1 << 20) + "few")).empty());
}

TEST_CASE("a listing has an end") {
    Listing listing;
    const io::TarEntry member{.path = "x", .type = Type::directory, .target = {}};
    for (std::size_t i = 0; i < Listing::most_members; ++i) listing.add(member);
    CHECK_THROWS_AS(listing.add(member), Error);

    Listing names;
    const io::TarEntry named{.path = std::string(4000, 'x'), .type = Type::directory, .target = {}};
    for (std::size_t bytes = 4000; bytes <= Listing::most_name_bytes; bytes += 4000) names.add(named);
    CHECK_THROWS_AS(names.add(named), Error);

    Listing violations;
    for (std::size_t i = 0; i <= Listing::most_violations; ++i) violations.add({.path = "/x", .target = {}});
    CHECK(violations.violations().size() == Listing::most_violations);
}

TEST_SUITE_END();

}  // namespace wasmx::artifact
