// SPDX-License-Identifier: Apache-2.0
#include "image/folder_layer.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "base/error.hpp"
#include "support/error_of.hpp"

namespace wasmx::image {

namespace {

/// A header as Go's archive/tar writes it, with what follows.
struct Entry {
    std::string name = {};
    std::string prefix = {};
    char type = '0';
    std::string link = {};
    std::string content = {};
    unsigned mode = 0644;
    unsigned uid = 0;
    unsigned gid = 0;
    std::string user = "root";
    std::string group = "root";
    unsigned major = 0;

    std::string text() const {
        std::string out(512, '\0');
        const auto put = [&](std::size_t at, const std::string& value) { out.replace(at, value.size(), value); };
        put(0, name);
        put(100, fmt::format("{:07o}", mode));
        put(108, fmt::format("{:07o}", uid));
        put(116, fmt::format("{:07o}", gid));
        put(124, fmt::format("{:011o}", content.size()));
        put(136, "14523456701");
        put(156, std::string(1, type));
        put(157, link);
        put(257, std::string("ustar\0", 6) + "00");
        put(265, user);
        put(297, group);
        put(329, fmt::format("{:07o}", major));
        put(337, fmt::format("{:07o}", 0));
        put(345, prefix);
        put(148, "        ");
        unsigned sum = 0;
        for (const char c : out) sum += static_cast<unsigned char>(c);
        put(148, fmt::format("{:06o}", sum));
        out[154] = '\0';
        out += content;
        out.resize((out.size() + 511) / 512 * 512);
        return out;
    }
};

/// The entry of records before another one. (POSIX pax)
std::string records(const std::string& name, const std::string& text) {
    return Entry{.name = name, .type = 'x', .content = text, .mode = 0, .user = "", .group = ""}.text();
}

/// With its length, which counts itself.
std::string record(const std::string& key, const std::string& value) {
    for (std::size_t length = 1;; ++length) {
        std::string out = fmt::format("{} {}={}\n", length, key, value);
        if (out.size() == length) return out;
    }
}

const std::string end(1024, '\0');
const std::string top = Entry{.name = "./", .type = '5', .mode = 0755}.text();

std::string made_of(const std::string& archive) {
    const auto source = io::from_string(archive);
    const OwnerNames names{.user = [](std::uint64_t uid) { return uid == 1000 ? "builder"
                                                                  : uid == 0  ? "root"
                                                                              : ""; },
                           .group = [](std::uint64_t gid) { return gid == 42  ? "shadow"
                                                                   : gid == 0 ? "root"
                                                                              : ""; }};
    return io::read_all(*layer_of_folder(*source, names), 1 << 20);
}

/// What goes in as `before` comes out as `after`.
void check(const std::string& before, const std::string& after) { CHECK(made_of(top + before + end) == after + end); }

}  // namespace

TEST_SUITE_BEGIN("image");

TEST_CASE("a folder becomes a layer: the same entries by their names in the image") {
    check("", "");
    const std::string content(1000, 'c');
    check(Entry{.name = "./opt/", .type = '5', .mode = 0755}.text() +
              Entry{.name = "./opt/file", .content = content}.text() +
              Entry{.name = "./opt/hard", .type = '1', .link = "./opt/file"}.text() +
              Entry{.name = "./opt/soft", .type = '2', .link = "./file"}.text() +
              Entry{.name = "./opt/null", .type = '3', .major = 1}.text(),
          Entry{.name = "opt/", .type = '5', .mode = 0755}.text() +
              Entry{.name = "opt/file", .content = content}.text() +
              Entry{.name = "opt/hard", .type = '1', .link = "opt/file"}.text() +
              Entry{.name = "opt/soft", .type = '2', .link = "./file"}.text() +
              Entry{.name = "opt/null", .type = '3', .major = 1}.text());
}

TEST_CASE("what overlay2 keeps as a device is a whiteout in a layer, and so is a link to it") {
    check(Entry{.name = "./gone", .type = '3', .mode = 0}.text() +
              Entry{.name = "./etc/gone", .type = '3', .mode = 0}.text(),
          Entry{.name = ".wh.gone", .mode = 0600}.text() + Entry{.name = "etc/.wh.gone", .mode = 0600}.text());
    check(Entry{.name = "./gone", .type = '3', .mode = 0}.text() +
              Entry{.name = "./etc/gone", .type = '1', .link = "./gone"}.text(),
          Entry{.name = ".wh.gone", .mode = 0600}.text() +
              Entry{.name = "etc/.wh.gone", .link = "gone", .mode = 0600}.text());
}

TEST_CASE("owners are named where the engine names them, and where it does not they are not") {
    const Entry file{.name = "./a", .uid = 1000, .gid = 42, .user = "", .group = ""};
    check(file.text() + Entry{.name = "./b", .gid = 43, .group = "of-the-image"}.text(),
          Entry{.name = "a", .uid = 1000, .gid = 42, .user = "builder", .group = "shadow"}.text() +
              Entry{.name = "b", .gid = 43, .group = ""}.text());
    const std::string nameless = Entry{.name = "./", .type = '5', .mode = 0755, .user = "", .group = ""}.text();
    Entry after = file;
    after.name = "a";
    CHECK(made_of(nameless + file.text() + end) == after.text() + end);
}

TEST_CASE("the name of an owner is asked for once") {
    std::string asked;
    const OwnerNames names{.user =
                               [&](std::uint64_t uid) {
                                   asked += fmt::format(" u{}", uid);
                                   return "";
                               },
                           .group =
                               [&](std::uint64_t gid) {
                                   asked += fmt::format(" g{}", gid);
                                   return "";
                               }};
    const auto archive =
        io::from_string(top + Entry{.name = "./a", .uid = 1}.text() + Entry{.name = "./b", .uid = 1, .gid = 2}.text() +
                        Entry{.name = "./c", .gid = 2}.text() + end);
    io::drain(*layer_of_folder(*archive, names));
    CHECK(asked == " u1 g0 g2 u0");
}

TEST_CASE("a long name is split, or in a record, as docker does it with the name that it has in the image") {
    const std::string folder(98, 'd');
    const std::string base(60, 'b');
    // Split at the last slash in what the prefix holds.
    check(Entry{.name = base, .prefix = "./" + folder}.text(), Entry{.name = base, .prefix = folder}.text());
    // No longer too long.
    const std::string just(99, 'j');
    check(records("PaxHeaders.0/" + just.substr(0, 87), record("path", "./" + just)) +
              Entry{.name = "./" + just.substr(0, 98)}.text(),
          Entry{.name = just}.text());
    check(Entry{.name = base, .prefix = "./" + std::string(38, 'd')}.text(),
          Entry{.name = std::string(38, 'd') + "/" + base}.text());
    // A name of more than a header holds. 9 + 120 + 1 and its own three digits, with "./" two more.
    const std::string one(120, 'o');
    check(records("PaxHeaders.0/" + one.substr(0, 87), record("path", "./" + one)) +
              Entry{.name = "./" + one.substr(0, 98)}.text(),
          records("PaxHeaders.0/" + one.substr(0, 87), record("path", one)) + Entry{.name = one.substr(0, 100)}.text());
    // Not ASCII.
    check(records("a/PaxHeaders.0", record("path", "./a/\xc3\xa9")) + Entry{.name = "./a/"}.text(),
          records("a/PaxHeaders.0", record("path", "a/\xc3\xa9")) + Entry{.name = "a/"}.text());
    // A link, and a hard link.
    const std::string far(130, 'l');
    check(records("PaxHeaders.0/s", record("linkpath", far)) +
              Entry{.name = "./s", .type = '2', .link = far.substr(0, 100)}.text() +
              records("PaxHeaders.0/h", record("linkpath", "./" + far)) +
              Entry{.name = "./h", .type = '1', .link = "./" + far.substr(0, 98)}.text(),
          records("PaxHeaders.0/s", record("linkpath", far)) +
              Entry{.name = "s", .type = '2', .link = far.substr(0, 100)}.text() +
              records("PaxHeaders.0/h", record("linkpath", far)) +
              Entry{.name = "h", .type = '1', .link = far.substr(0, 100)}.text());
}

TEST_CASE("other records stay, sorted, and then a long name is one of them") {
    const std::string capability = record("SCHILY.xattr.security.capability", "c");
    check(records("PaxHeaders.0/ping", capability) + Entry{.name = "./ping"}.text(),
          records("PaxHeaders.0/ping", capability) + Entry{.name = "ping"}.text());
    const std::string folder(98, 'd');
    const std::string name = folder + "/ping";
    check(records(folder + "/P", capability + record("path", "./" + name)) +
              Entry{.name = ("./" + name).substr(0, 100)}.text(),
          records(folder + "/P", capability + record("path", name)) + Entry{.name = name.substr(0, 100)}.text());
}

TEST_CASE("what docker does not write is no layer") {
    const std::string file = Entry{.name = "./a", .content = std::string(600, 'x')}.text();
    Entry number{.name = "./a"};
    std::string bad_number = number.text();
    bad_number.replace(124, 11, "1234567890z");
    for (const std::string& archive :
         {top, top + file, top + file.substr(0, 700), top + file.substr(0, 100), std::string(),
          top + Entry{.name = "a"}.text() + end, top + Entry{.name = "../a"}.text() + end,
          top + Entry{.name = "./a", .type = '1', .link = "b"}.text() + end, top + bad_number + end,
          top + Entry{.name = "./a", .type = 'L'}.text() + end, top + Entry{.name = "./a", .type = 'g'}.text() + end,
          top + records("a", "no record\n") + file + end, top + records("a", "99 path=./a\n") + file + end,
          top + records("a", "7 path\n") + file + end, top + records("a", "1 a=b\n") + file + end,
          top + records("a", "12 path=./a\n"), top + records("a", "12 size=abc\n") + file + end}) {
        CAPTURE(archive.size());
        CHECK(test::error_of([&] { made_of(archive); }).fault() == Fault::integrity);
    }
}

TEST_CASE("this machine names its owners") {
    const auto names = names_of_this_machine();
    CHECK(names.user(0) == "root");
    CHECK(names.group(0) == "root");
    CHECK(names.user(3'999'999'999).empty());
    CHECK(names.group(3'999'999'999).empty());
}

TEST_SUITE_END();

}  // namespace wasmx::image
