// SPDX-License-Identifier: Apache-2.0
#include "io/compression.hpp"

#include <algorithm>
#include <random>

#include "io/file.hpp"
#include "io/process.hpp"
#include "io/source_contract.hpp"
#include "support/error_of.hpp"
#include "support/folder.hpp"

namespace wasmx::io {

TEST_SUITE_BEGIN("io");

namespace {

using Kind = Compression::Kind;
constexpr std::uint64_t limit = 64 << 20;

// Some that compresses, some that does not: `size` bytes, the same every time.
std::string mixed(std::size_t size) {
    std::string out;
    std::minstd_rand engine(7);
    while (out.size() < size) {
        if (engine() % 2 == 0)
            out += sample(engine() % 30000);
        else
            for (auto left = engine() % 30000; left > 0; --left) out += static_cast<char>(engine() >> 8);
    }
    out.resize(size);
    return out;
}

// Gives its bytes in pieces of many sizes.
class Crumbs final : public Source {
public:
    explicit Crumbs(std::string text) : rest_(from_string(std::move(text))) {}
    std::size_t read(std::span<std::byte> buffer) override {
        return rest_->read(buffer.first(std::min<std::size_t>(buffer.size(), 1 + engine_() % 5000)));
    }

private:
    SourcePtr rest_;
    std::minstd_rand engine_{3};
};

std::string packed_by(const std::string& plain, const Compression& compression, unsigned workers) {
    return read_all(*compressed(from_string(plain), compression, workers), limit);
}
std::string unpacked(const std::string& bytes) { return read_all(*decompressed(from_string(bytes)), limit); }
Fault fault_of(const std::string& bytes) {
    return test::error_of([&] { (void)unpacked(bytes); }).fault();
}

}  // namespace

TEST_CASE("what comes out has a limit, compressed or not") {
    const std::string plain = mixed(100'000);
    for (const std::string& bytes :
         {plain, packed_by(plain, {.kind = Kind::gzip}, 1), packed_by(plain, {.kind = Kind::zstd}, 1)}) {
        const auto read_to = [&](std::uint64_t most) {
            return read_all(*decompressed(from_string(bytes), most), limit);
        };
        CHECK((read_to(plain.size()) == plain));
        CHECK(test::error_of([&] { (void)read_to(plain.size() - 1); }).fault() == Fault::integrity);
        const auto lent = from_string(bytes);
        CHECK((read_all(*decompressed(*lent), limit) == plain));
        CHECK(read_all(*lent, limit).empty());
    }
}

TEST_CASE("compressed bytes depend on the input alone, and come back") {
    const std::string large = mixed(5'000'000);
    for (const Kind kind : {Kind::gzip, Kind::zstd}) {
        CAPTURE(static_cast<int>(kind));
        const Levels levels = levels_of(kind);
        for (const int level : {levels.lowest, levels.usual, kind == Kind::gzip ? 3 : 9}) {
            CAPTURE(level);
            const Compression compression{kind, level};
            for (const std::size_t size : {0U, 1U, 524287U, 524288U, 524289U, 2097152U, 5000000U}) {
                CAPTURE(size);
                const std::string plain = large.substr(0, size);
                const std::string expected = packed_by(plain, compression, 1);
                CHECK((unpacked(expected) == plain));
                for (const unsigned workers : {2U, 3U, 8U}) CHECK((packed_by(plain, compression, workers) == expected));
                CHECK((read_all(*compressed(std::make_unique<Crumbs>(plain), compression, 3), limit) == expected));
            }
        }
    }
}

TEST_CASE("compressed and decompressed are streams like others") {
    const std::string plain = mixed(300'000);
    for (const Kind kind : {Kind::gzip, Kind::zstd}) {
        for (const unsigned workers : {0U, 1U, 2U, 4U}) {
            const Compression compression{kind, std::nullopt};
            const std::string packed = packed_by(plain, compression, 1);
            source_contract([&] { return compressed(from_string(plain), compression, workers); }, packed);
            source_contract([&] { return decompressed(std::make_unique<Crumbs>(packed)); }, plain);
            failure_contract([&](SourcePtr upstream) { return compressed(std::move(upstream), compression, workers); });
        }
    }
    source_contract([&] { return decompressed(from_string(plain)); }, plain);
    failure_contract([](SourcePtr upstream) { return decompressed(std::move(upstream)); });
}

TEST_CASE("a stream that failed does not end") {
    std::vector<std::byte> buffer(100);
    for (const unsigned workers : {1U, 2U}) {
        const auto source = compressed(std::make_unique<FailingSource>(mixed(3'000'000)), {}, workers);
        CHECK_THROWS_AS(drain(*source), Error);
        CHECK_THROWS_AS(source->read(buffer), Error);
    }
    const auto source = decompressed(from_string("\x1f\x8b garbage"));
    CHECK_THROWS_AS(drain(*source), Error);
    CHECK_THROWS_AS(source->read(buffer), Error);
}

TEST_CASE("compression levels") {
    for (const Kind kind : {Kind::gzip, Kind::zstd}) {
        const Levels levels = levels_of(kind);
        for (const int level : {levels.lowest - 1, levels.highest + 1})
            CHECK(test::error_of([&] { (void)compressed(from_string(""), {kind, level}); }).fault() == Fault::usage);
        CHECK(packed_by("x", {kind, levels.usual}, 1) == packed_by("x", {kind, std::nullopt}, 1));
    }
    CHECK(default_workers() >= 1);
}

TEST_CASE("gzip is one member that gzip reads") {
    const std::string plain = mixed(2'000'000);
    const test::Folder folder;
    for (const int level : {0, 1, 2, 3}) {
        const std::string packed = packed_by(plain, {Kind::gzip, level}, 2);
        const auto file = folder.write("x.gz", packed);
        const ProcessResult result = run({.argv = {"gzip", "-dc", file.string()}}, {});
        CHECK(result.exit_code == 0);
        CHECK((result.out == plain));
    }
}

TEST_CASE("members and frames follow each other") {
    const std::string gzip_a = packed_by("a", {Kind::gzip, {}}, 1);
    const std::string gzip_none = packed_by("", {Kind::gzip, {}}, 1);
    CHECK(unpacked(gzip_a + gzip_none + gzip_a) == "aa");
    const std::string zstd_a = packed_by("a", {Kind::zstd, {}}, 1);
    const std::string zstd_none = packed_by("", {Kind::zstd, {}}, 1);
    const std::string skipped("\x51\x2a\x4d\x18\x03\0\0\0abc", 11);
    CHECK(unpacked(zstd_a + zstd_none + skipped + zstd_a) == "aa");
    CHECK(unpacked(skipped + zstd_a) == "a");
    CHECK(fault_of(gzip_a + zstd_a) == Fault::integrity);
    CHECK(fault_of(zstd_a + gzip_a) == Fault::integrity);
}

TEST_CASE("what is not compressed is passed on") {
    for (const std::string text : {"", "\x1f", "\x28\xb5\x2f", "P*M", "PxM\x18", "ustar"})
        CHECK(unpacked(text) == text);
}

TEST_CASE("a name, a comment and more in the header of gzip") {
    // RFC 1952, 2.3: FLG with FEXTRA, FNAME and FCOMMENT.
    const std::string packed = packed_by("text", {Kind::gzip, {}}, 1);
    const std::string header("\x1f\x8b\x08\x1c\0\0\0\0\0\xff\x03\0abcname\0comment\0", 28);
    for (const std::string& bytes : {header + packed.substr(10), header + packed.substr(10) + packed}) {
        CHECK(unpacked(bytes).substr(0, 4) == "text");
        CHECK(read_all(*decompressed(std::make_unique<Crumbs>(bytes)), limit) == unpacked(bytes));
    }
    CHECK(fault_of(header) == Fault::integrity);
}

TEST_CASE("damaged streams") {
    const std::string plain = mixed(100'000);
    for (const Kind kind : {Kind::gzip, Kind::zstd}) {
        CAPTURE(static_cast<int>(kind));
        const std::string whole = packed_by(plain, {kind, {}}, 1);
        for (const std::string& text :
             {std::string("x"), std::string("garbage"), std::string(1, '\0'), whole.substr(0, 9)})
            CHECK(fault_of(whole + text) == Fault::integrity);
        const std::string small = packed_by("some text, some text", {kind, {}}, 1);
        for (std::size_t size = 4; size < small.size(); ++size) {
            CAPTURE(size);
            CHECK(fault_of(small.substr(0, size)) == Fault::integrity);
        }
        for (std::size_t size = 4; size < whole.size(); size += 997) {
            CAPTURE(size);
            CHECK(fault_of(whole.substr(0, size)) == Fault::integrity);
        }
        // The checksum, and of gzip the size as well.
        for (std::size_t back = 1; back <= (kind == Kind::gzip ? 8U : 4U); ++back) {
            std::string garbled = whole;
            garbled[garbled.size() - back] = static_cast<char>(garbled[garbled.size() - back] ^ 1);
            CHECK(fault_of(garbled) == Fault::integrity);
        }
        // Whatever it makes of garbled bytes, other bytes than those that went in are not given as whole.
        std::minstd_rand engine(5);
        for (int round = 0; round < 300; ++round) {
            std::string garbled = whole;
            garbled[4 + engine() % (garbled.size() - 4)] ^= static_cast<char>(1 + engine() % 255);
            try {
                const std::string out = unpacked(garbled);
                CHECK((out == plain));
            } catch (const Error& error) {
                CHECK(error.fault() == Fault::integrity);
            }
        }
    }
}

TEST_CASE("a window that is too large is refused") {
    // RFC 8878, 3.1.1.1.2: no single segment; exponent 18 is 2^28 bytes, 17 is 128 MiB. Then an empty raw last block.
    const auto frame = [](char window) {
        return std::string("\x28\xb5\x2f\xfd\0", 5) + window + std::string("\x01\0\0", 3);
    };
    CHECK(unpacked(frame('\x88')).empty());
    CHECK(fault_of(frame('\x90')) == Fault::integrity);
}

TEST_SUITE_END();

}  // namespace wasmx::io
