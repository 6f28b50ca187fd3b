// SPDX-License-Identifier: Apache-2.0
#include "io/tree_writer.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <vector>

#include "base/error.hpp"
#include "support/error_of.hpp"
#include "support/folder.hpp"

namespace wasmx::io {

namespace {

namespace fs = std::filesystem;
using test::error_of;

void add(TreeWriter& writer, const std::string& path, const std::string& text, std::uint32_t mode = 0644) {
    writer.add_file(path, *from_string(text), mode, 1'600'000'000);
}

std::vector<std::string> names_in(const fs::path& folder) {
    std::vector<std::string> out;
    for (const auto& entry : fs::recursive_directory_iterator(folder))
        out.push_back(entry.path().lexically_relative(folder).string());
    std::sort(out.begin(), out.end());
    return out;
}

struct stat status_of(const fs::path& path) {
    struct stat out {};
    REQUIRE(::lstat(path.c_str(), &out) == 0);
    return out;
}

}  // namespace

TEST_SUITE_BEGIN("io");

TEST_CASE("a tree appears whole, with its times and modes") {
    const test::Folder folder;
    {
        TreeWriter writer(folder.path() / "new" / "out");
        writer.add_folder("a", 02750, 1'500'000'000);
        add(writer, "a/b/c", "text", 06755);
        writer.add_symlink("a/l", "b/c");
        writer.add_hardlink("h", "a/b/c");
        CHECK(names_in(folder.path() / "new" / "out").size() == 5);  // in a folder of their own
        writer.finish();
    }
    const fs::path out = folder.path() / "new" / "out";
    CHECK(names_in(out) == std::vector<std::string>{"a", "a/b", "a/b/c", "a/l", "h"});
    CHECK(read_file(out / "h") == "text");
    CHECK(fs::read_symlink(out / "a/l") == "b/c");
    CHECK((status_of(out / "a/b/c").st_mode & 07777) == 0755);
    CHECK(status_of(out / "a/b/c").st_mtime == 1'600'000'000);
    CHECK((status_of(out / "a").st_mode & 07777) == 0750);
    CHECK(status_of(out / "a").st_mtime == 1'500'000'000);
}

TEST_CASE("what is not finished leaves nothing") {
    const test::Folder folder;
    {
        TreeWriter writer(folder.path());
        add(writer, "a/b", "text");
    }
    CHECK(names_in(folder.path()).empty());
}

TEST_CASE("nothing leaves the folder") {
    const test::Folder folder;
    const fs::path outside = folder.path() / "outside";
    fs::create_directories(outside);
    TreeWriter writer(folder.path() / "in");
    writer.add_symlink("l", "../outside");
    writer.add_symlink("abs", outside.string());
    for (const std::string path : {"../x", "/x", "a/../../x", "", ".", "a//b", "a/", "a/.", ".."}) {
        CAPTURE(path);
        CHECK(error_of([&] { add(writer, path, "x"); }).fault() == Fault::integrity);
        CHECK(error_of([&] { writer.add_folder(path, 0755, 0); }).fault() == Fault::integrity);
        CHECK(error_of([&] { writer.add_symlink(path, "x"); }).fault() == Fault::integrity);
        CHECK(error_of([&] { writer.add_hardlink(path, "y"); }).fault() == Fault::integrity);
        CHECK(error_of([&] { writer.add_hardlink("new", path); }).fault() == Fault::integrity);
    }
    // A link is made when all is written: what claims to be below one makes it fail, and goes nowhere.
    add(writer, "l/x", "planted");
    CHECK(error_of([&] { writer.finish(); }).fault() == Fault::integrity);
    CHECK(names_in(outside).empty());
}

TEST_CASE("one path is one thing") {
    const test::Folder folder;
    TreeWriter writer(folder.path());
    add(writer, "f", "1");
    CHECK(error_of([&] { add(writer, "f", "2"); }).fault() == Fault::integrity);
    CHECK(error_of([&] { add(writer, "f/x", "2"); }).fault() == Fault::integrity);
    CHECK(error_of([&] { writer.add_folder("f", 0755, 0); }).fault() == Fault::integrity);
    CHECK(error_of([&] { writer.add_hardlink("f", "f"); }).fault() == Fault::integrity);
    CHECK(error_of([&] { writer.add_hardlink("g", "none"); }).fault() == Fault::integrity);
    writer.add_folder("d", 0755, 0);
    writer.add_folder("d", 0700, 0);
    CHECK(error_of([&] { add(writer, "d", "2"); }).fault() == Fault::integrity);
    writer.add_symlink("f", "x");
    CHECK(error_of([&] { writer.finish(); }).fault() == Fault::integrity);
}

TEST_CASE("files are replaced, folders are not") {
    const test::Folder folder;
    std::ofstream(folder.path() / "f") << "old";
    fs::create_symlink("f", folder.path() / "s");
    const auto write = [&](const std::string& name) {
        TreeWriter writer(folder.path());
        add(writer, name, "new");
        add(writer, "f", "new");
        writer.finish();
    };
    write("s");
    CHECK(read_file(folder.path() / "f") == "new");
    CHECK_FALSE(fs::is_symlink(folder.path() / "s"));

    std::ofstream(folder.path() / "f") << "old";
    fs::create_directories(folder.path() / "d");
    const Error error = error_of([&] { write("d/x"); });
    CHECK(error.fault() == Fault::usage);
    CHECK(error.message().find("is there already") != std::string::npos);
    CHECK(read_file(folder.path() / "f") == "old");  // nothing is replaced then
    CHECK(names_in(folder.path()) == std::vector<std::string>{"d", "f", "s"});
}

TEST_SUITE_END();

}  // namespace wasmx::io
