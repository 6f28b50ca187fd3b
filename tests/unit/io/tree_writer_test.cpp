// SPDX-License-Identifier: Apache-2.0
#include "io/tree_writer.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <optional>
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
    for (const std::string path : {"../x", "/x", "a/../../x", "", ".", "a//b", "a/", "a/.", ".."}) {
        CAPTURE(path);
        CHECK(error_of([&] { add(writer, path, "x"); }).fault() == Fault::integrity);
        CHECK(error_of([&] { writer.add_folder(path, 0755, 0); }).fault() == Fault::integrity);
        CHECK(error_of([&] { writer.add_symlink(path, "x"); }).fault() == Fault::integrity);
        CHECK(error_of([&] { writer.add_hardlink(path, "y"); }).fault() == Fault::integrity);
        CHECK(error_of([&] { writer.add_hardlink("new", path); }).fault() == Fault::integrity);
    }
    const std::vector<std::string> out_of_it{"../outside", "..", "a/../../outside", outside.string(), "/", "a/../b"};
    for (const std::string& target : out_of_it)
        CHECK(error_of([&] { writer.add_symlink("l", target); }).message().find("leads out of the folder") !=
              std::string::npos);
    // A link is made when all is written: what claims to be below one makes it fail, and goes nowhere.
    writer.add_symlink("l", "a");
    add(writer, "l/x", "planted");
    CHECK(error_of([&] { writer.finish(); }).fault() == Fault::integrity);
    CHECK(names_in(outside).empty());
}

TEST_CASE("links that do not lead out stay within, by way of each other as well") {
    // All targets of up to three steps at two places, so that links meet links.
    const std::vector<std::string> steps{"", ".", "..", "a", "k", "l", "b/l"};
    const std::vector<std::string> places{"k", "a/l", "a/b/l"};
    std::vector<std::string> targets;
    for (const std::string& one : steps)
        for (const std::string& two : steps)
            for (const std::string& three : steps) targets.push_back(one + "/" + two + "/" + three);
    const test::Folder folder;
    const fs::path in = fs::canonical(folder.path()) / "in";
    fs::create_directories(in / "a/b");
    std::size_t kept = 0;
    for (const std::string& first : targets) {
        for (const std::string& second : {std::string(".."), std::string("../a"), std::string("b"), first}) {
            for (const std::string& place : places) fs::remove(in / place);
            for (const auto& [place, target] :
                 {std::pair(places[0], second), {places[1], first}, {places[2], second}}) {
                if (target.find_first_not_of('/') == std::string::npos || leads_out(place, target)) continue;
                fs::create_symlink(target.substr(target.find_first_not_of('/')), in / place);
                ++kept;
            }
            for (const std::string& place : places) {
                std::error_code error;  // one that leads nowhere is no harm
                const fs::path real = fs::canonical(in / place, error);
                if (!error)
                    CHECK_MESSAGE((real == in || real.string().starts_with(in.string() + "/")),
                                  place << " -> " << real);
            }
        }
    }
    CHECK(kept > 500);
    CHECK(leads_out("l", "/etc"));
    CHECK(leads_out("l", ".."));
    CHECK(leads_out("a/l", "../.."));
    CHECK(leads_out("a/l", "../b/.."));
    CHECK_FALSE(leads_out("l", "."));
    CHECK_FALSE(leads_out("l", "..a/...b"));
    CHECK_FALSE(leads_out("a/l", "../b"));
    CHECK_FALSE(leads_out("a/b/l", "../..//./c"));
}

TEST_CASE("names are no longer and no deeper than a file's") {
    const test::Folder folder;
    std::optional<TreeWriter> writer(folder.path());
    const auto says = [&](const std::string& path) { return error_of([&] { add(*writer, path, "x"); }).message(); };
    const auto deep = [](std::size_t folders) {
        std::string out;
        for (std::size_t i = 0; i < folders; ++i) out += "d/";
        return out;
    };
    CHECK(says(std::string(256, 'n')).find("no path to write to") == 0);
    CHECK(says(deep(2047) + "xx").find("no path to write to") == 0);
    CHECK(says(deep(255) + "x").find("more than 255 folders deep") != std::string::npos);
    CHECK(names_in(folder.path()).size() == 1);  // where it grows
    add(*writer, std::string(255, 'n'), "x");
    add(*writer, deep(254) + "x", "x");
    writer->finish();
    writer.reset();
    CHECK(names_in(folder.path()).size() == 256);
}

TEST_CASE("modes are masked as those of any new file") {
    for (const mode_t mask : {0022U, 0077U, 0002U}) {
        const test::Folder folder;
        const mode_t before = ::umask(mask);
        {
            TreeWriter writer(folder.path() / "out");
            add(writer, "a/implied/f", "x", 0666);
            writer.add_folder("a", 0777, 0);
            add(writer, "a/program", "x", 07777);
            add(writer, "a/secret", "x", 0000);
            writer.finish();
        }
        ::umask(before);
        const auto mode_of = [&](const char* name) { return status_of(folder.path() / "out" / name).st_mode & 07777; };
        CHECK(mode_of("a") == (0777 & ~mask));
        CHECK(mode_of("a/implied") == (0777 & ~mask));
        CHECK(mode_of("a/implied/f") == (0666 & ~mask));
        CHECK(mode_of("a/program") == (0777 & ~mask));
        CHECK(mode_of("a/secret") == 0400);
        CHECK(mode_of("") == (0777 & ~mask));
    }
}

TEST_CASE("a folder that cannot be made is said to be it") {
    const test::Folder folder;
    const fs::path below = folder.write("file", "") / "below";
    for (const auto& make : {std::function<void()>([&] { create_folders(below); }), {[&] { TreeWriter{below}; }}}) {
        const Error error = error_of(make);
        CHECK(error.fault() == Fault::io);
        CHECK(error.message().find("creating " + below.string()) == 0);
    }
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

TEST_CASE("nothing is replaced") {
    const test::Folder folder;
    std::ofstream(folder.path() / "f") << "old";
    fs::create_symlink("nowhere", folder.path() / "s");
    fs::create_directories(folder.path() / "d");
    const auto before = names_in(folder.path());
    for (const std::string name : {"f", "s", "d", "d/x"}) {
        const Error error = error_of([&] {
            TreeWriter writer(folder.path());
            add(writer, "a", "new");
            add(writer, name, "new");
            add(writer, "z", "new");
            writer.finish();
        });
        CHECK(error.fault() == Fault::usage);
        CHECK(error.message() == (folder.path() / name.substr(0, 1)).string() + " is there already");
        CHECK(error.hint().find("--output") != std::string::npos);
        CHECK(names_in(folder.path()) == before);
        CHECK(read_file(folder.path() / "f") == "old");
    }
}

TEST_SUITE_END();

}  // namespace wasmx::io
