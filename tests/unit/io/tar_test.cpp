// SPDX-License-Identifier: Apache-2.0
#include "io/tar.hpp"

#include "extract/tars.hpp"
#include "io/compression.hpp"
#include "io/source_contract.hpp"
#include "support/error_of.hpp"

namespace wasmx::io {

TEST_SUITE_BEGIN("io");

namespace {

using Type = TarEntry::Type;

struct Given {
    TarEntry entry;
    std::string content;
};

TarEntry entry(std::string path, Type type, std::uint32_t mode = 0644) {
    TarEntry out;
    out.path = std::move(path);
    out.type = type;
    out.mode = mode;
    out.mtime = 1700000000;
    return out;
}

Given file(std::string path, std::string content, std::uint32_t mode = 0644) {
    Given given{entry(std::move(path), Type::file, mode), std::move(content)};
    given.entry.size = given.content.size();
    return given;
}

Given link(std::string path, Type type, std::string target) {
    Given given{entry(std::move(path), type), ""};
    given.entry.target = std::move(target);
    return given;
}

SourcePtr tar_from(std::vector<Given> members) {
    return tar_of([members = std::move(members), next = std::size_t{0}]() mutable -> std::optional<TarMember> {
        if (next == members.size()) return std::nullopt;
        const Given& given = members[next++];
        return TarMember{given.entry, [content = given.content] { return from_string(content); }};
    });
}

std::vector<Given> various() {
    auto owned = file("owned", "mine", 0755);
    owned.entry.uid = 1000;
    owned.entry.gid = 3000000;
    return {{entry("d", Type::directory, 0755), ""},
            file("d/empty", ""),
            file("d/a", sample(70000)),
            owned,
            file("d/" + std::string(300, 'n'), "long"),
            file("d/\xc3\xa4 \xf0\x9f\x98\x80", "utf-8"),
            file("d/\xff\xfe", "no utf-8"),
            file("d/exactly one block", std::string(512, 'b')),
            link("d/soft", Type::symlink, "../" + std::string(200, 't')),
            link("d/hard", Type::hardlink, "d/a")};
}

void check_same(const std::string& archive, const std::vector<Given>& members) {
    const SourcePtr source = from_string(archive);
    TarReader reader(*source);
    for (const Given& given : members) {
        CAPTURE(given.entry.path);
        const auto found = reader.next();
        REQUIRE(found);
        // A directory's name may come back with its slash.
        CHECK((found->path == given.entry.path || found->path == given.entry.path + "/"));
        CHECK(found->type == given.entry.type);
        CHECK(found->target == given.entry.target);
        CHECK(found->mode == given.entry.mode);
        CHECK(found->uid == given.entry.uid);
        CHECK(found->gid == given.entry.gid);
        CHECK(found->mtime == given.entry.mtime);
        if (given.entry.type == Type::file) {
            CHECK(found->size == given.content.size());
            CHECK((read_all(*reader.member(), 1 << 20) == given.content));
        }
    }
    CHECK_FALSE(reader.next());
    CHECK_FALSE(reader.next());
}

}  // namespace

TEST_CASE("what is written is read") {
    const std::string archive = read_in_chunks(*tar_from(various()), chunk_size);
    CHECK(archive.size() % 512 == 0);
    check_same(archive, various());
}

TEST_CASE("the same members make the same bytes, however they are read") {
    const std::string archive = read_in_chunks(*tar_from(various()), chunk_size);
    source_contract([] { return tar_from(various()); }, archive);
}

TEST_CASE("an empty archive") {
    const std::string archive = read_in_chunks(*tar_from({}), chunk_size);
    check_same(archive, {});
    check_same("", {});
}

TEST_CASE("members that are not read are skipped") {
    const SourcePtr source = tar_from(various());
    TarReader reader(*source);
    std::size_t count = 0;
    while (reader.next()) ++count;
    CHECK(count == various().size());
}

TEST_CASE("a member is a stream that ends where it ends") {
    const std::string text = sample(70000);
    SourcePtr archive;
    std::unique_ptr<TarReader> reader;
    source_contract(
        [&] {
            reader.reset();
            archive = tar_from({file("a", text), file("b", "def")});
            reader = std::make_unique<TarReader>(*archive);
            REQUIRE(reader->next());
            return reader->member();
        },
        text);
    CHECK(reader->next()->path == "b");
}

TEST_CASE("damaged archives") {
    const std::string archive = read_in_chunks(*tar_from({file("a", sample(5000)), file("b", "x")}), chunk_size);
    const auto fault = [](const std::string& bytes) {
        try {
            const SourcePtr source = from_string(bytes);
            TarReader reader(*source);
            while (reader.next()) drain(*reader.member());
        } catch (const Error& error) {
            return error.fault();
        }
        return Fault::bug;
    };
    CHECK(fault(archive.substr(0, 3000)) == Fault::integrity);
    CHECK(fault(sample(5000)) == Fault::integrity);
    std::string flipped = archive;
    flipped[5632 + 150] ^= 0x55;  // in the second header's checksum
    CHECK(fault(flipped) == Fault::integrity);
    // Libraries undo what is compressed, and what is compressed in that, without an end: it is no archive here.
    CHECK(fault(read_in_chunks(*compressed(from_string(archive)), chunk_size)) == Fault::integrity);
}

TEST_CASE("a header takes no more memory than a header needs") {
    // The map of a sparse file, in front of its content. (GNU tar manual, "PAX 1")
    const std::string map = [] {
        std::string out = "3000000\n";
        for (int i = 0; i < 3'000'000; ++i) out += "0\n0\n";
        out.resize((out.size() + 511) / 512 * 512);
        return out;
    }();
    const std::string records =
        "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n21 GNU.sparse.name=x\n25 GNU.sparse.realsize=1\n";
    std::string extended = records;
    extended.resize(512);
    const std::string archive =
        test::raw_header("pax", 'x', records.size()) + extended + test::raw_header("x", '0', map.size()) + map;
    const SourcePtr source = from_string(archive);
    TarReader reader(*source);
    const Error error = test::error_of([&] { (void)reader.next(); });
    CHECK(error.fault() == Fault::integrity);
    CHECK(error.message() == "a header of more than 4.0 MiB in the archive");
    // Content is another matter, read or not.
    const std::string large =
        read_in_chunks(*tar_from({file("a", std::string(10 << 20, 'a')), file("b", "x")}), chunk_size);
    for (const bool reads : {false, true}) {
        const SourcePtr again = from_string(large);
        TarReader whole(*again);
        REQUIRE(whole.next());
        if (reads) drain(*whole.member());
        CHECK(whole.next()->path == "b");
        CHECK_FALSE(whole.next());
    }
}

TEST_CASE("what overlayfs stores of deleted files and replaced folders") {
    const auto types_in = [](const std::string& archive) {
        const SourcePtr source = from_string(archive);
        TarReader reader(*source);
        std::string out;
        while (const auto member = reader.next())
            out += member->path + (member->type == Type::whiteout ? " deleted " : member->is_opaque ? " opaque " : " ");
        return out;
    };
    using test::raw_file;
    using test::raw_header;
    using test::raw_record;
    CHECK(types_in(raw_header("gone", '3', 0) + raw_header("tty", '3', 0, {}, 5) + raw_header("block", '4', 0)) ==
          "gone deleted tty block ");
    for (const std::string space : {"trusted", "user"}) {
        const std::string mark = "SCHILY.xattr." + space + ".overlay.";
        CHECK(types_in(raw_record(mark + "opaque=y") + raw_header("d/", '5', 0)) == "d/ opaque ");
        CHECK(types_in(raw_record(mark + "opaque=x") + raw_header("d/", '5', 0)) == "d/ ");
        CHECK(types_in(raw_record(mark + "opaque=y") + raw_file("f", "1")) == "f ");
        CHECK(types_in(raw_record(mark + "whiteout=") + raw_file("f", "")) == "f deleted ");
        CHECK(types_in(raw_record(mark + "whiteout=") + raw_file("f", "1")) == "f ");
    }
    CHECK(types_in(raw_record("LIBARCHIVE.xattr.trusted.overlay.opaque=eQ") + raw_header("d/", '5', 0)) ==
          "d/ opaque ");
}

TEST_CASE(
    "a header that is none ends the archive, as it does for docker: here the bytes of a hard link that has some") {
    const std::string archive = test::raw_file("a", "1") + test::raw_file("b", "1", '1') + test::raw_file("c", "2");
    const SourcePtr source = from_string(archive);
    TarReader reader(*source);
    const Error error = test::error_of([&] {
        while (reader.next()) {
        }
    });
    CHECK(error.fault() == Fault::integrity);
    CHECK(error.message().find("INTERNAL") == std::string::npos);
}

TEST_CASE("an upstream failure comes through the library as it was") {
    const std::string archive = read_in_chunks(*tar_from({file("a", sample(100000))}), chunk_size);
    FailingSource failing(archive.substr(0, 40000));
    TarReader reader(failing);
    try {
        while (reader.next()) drain(*reader.member());
        FAIL("nothing was thrown");
    } catch (const Error& error) {
        CHECK(error.message() == "upstream failed");
    }
}

TEST_CASE("content must have the size that was announced") {
    for (const std::string content : {"short", "much too long for what was said"}) {
        const auto make = [&] {
            return tar_of([content, done = false]() mutable -> std::optional<TarMember> {
                if (std::exchange(done, true)) return std::nullopt;
                TarEntry claimed = entry("f", Type::file);
                claimed.size = 10;
                return TarMember{claimed, [content] { return from_string(content); }};
            });
        };
        CHECK_THROWS_AS(drain(*make()), Error);
    }
    failure_contract([](SourcePtr upstream) {
        auto shared = std::make_shared<SourcePtr>(std::move(upstream));
        return tar_of([shared]() -> std::optional<TarMember> {
            if (*shared == nullptr) return std::nullopt;
            TarEntry claimed = entry("f", Type::file);
            claimed.size = 20000;
            return TarMember{claimed, [shared] { return std::move(*shared); }};
        });
    });
}

TEST_SUITE_END();

}  // namespace wasmx::io
