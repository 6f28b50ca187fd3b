// SPDX-License-Identifier: Apache-2.0
// Layers that nobody's builder makes.
#include <doctest/doctest.h>

#include <string>

#include "base/error.hpp"
#include "extract/layer_search.hpp"
#include "extract/search.hpp"
#include "tars.hpp"

namespace wasmx::extract {

namespace {

using namespace test;

Layers layer_of(const std::string& blob) {
    return {.diff_ids = {diff_id_of(blob)},
            .open = [blob](std::size_t) { return io::verified(io::from_string(blob), io::sha256(blob), blob.size()); }};
}

// What was said, or the file's content.
std::string outcome(const Layers& layers, Fault fault, const std::string& path = "/x") {
    try {
        return all_of(search(layers, path).content.body().open());
    } catch (const Error& error) {
        CHECK(error.fault() == fault);
        return error.message();
    }
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_SUITE_BEGIN("extract");

TEST_CASE("a member outside the image condemns the layer") {
    for (const char* path : {"../x", "a/../../x", "/../x", "./../../etc/passwd", ".."}) {
        CAPTURE(path);
        const std::string blob = tar({file("x", "1")}).substr(0, 1024) + raw_header(path, '0', 0) + raw_end();
        CHECK(has(outcome(layer_of(blob), Fault::integrity), "outside the image"));
    }
}

TEST_CASE("a name that Linux does not take condemns the layer, wherever it stands") {
    const auto said_of = [](const std::string& path) {
        return outcome(layer_of(tar({file("x", "1"), file(path, "")})), Fault::integrity);
    };
    const std::string folders(2 * 2047, '/');
    for (const std::string& path :
         {std::string(256, 'n'), "a/" + std::string(256, 'n') + "/b", ".wh." + std::string(256, 'n'), folders + "nn",
          std::string("a/") + std::string(4094, '/')}) {
        const std::string said = said_of(path);
        CHECK_MESSAGE(has(said, "with a name longer than any file's"), said.substr(0, 200));
        CHECK(said.size() < 400);
    }
    for (const std::string& path : {std::string(255, 'n'), ".wh." + std::string(255, 'n'), folders + "n"})
        CHECK(said_of(path) == "1");
}

TEST_CASE("a layer is decompressed once") {
    const std::string plain = tar({file("x", "1")});
    CHECK(outcome(layer_of(gzipped(plain)), Fault::bug) == "1");
    for (const std::string& blob : {gzipped(gzipped(plain)), gzipped(zstd_stored(plain)), zstd_stored(gzipped(plain))})
        CHECK(has(outcome(layer_of(blob), Fault::integrity), "archive"));
}

TEST_CASE("a hard link to outside is followed nowhere") {
    const std::string blob = tar({hardlink("x", "../../etc/passwd"), hardlink("y", "/x")});
    CHECK(has(outcome(layer_of(blob), Fault::integrity), "outside the image"));
    CHECK(has(outcome(layer_of(blob), Fault::integrity, "/y"), "outside the image"));
}

TEST_CASE("devices and pipes are no files") {
    for (const char type : {'3', '4', '6'}) {
        CAPTURE(type);
        CHECK(has(outcome(layer_of(raw_header("x", type, 0, {}, 1) + raw_end()), Fault::not_found),
                  "a device or the like"));
        CHECK(has(outcome(layer_of(raw_header("x", type, 0, {}, 1) + raw_end()), Fault::not_found, "/x/y"),
                  "no directory"));
    }
    CHECK(outcome(layer_of(raw_header("dev", '3', 0) + tar({file("x", "1")})), Fault::bug) == "1");
}

TEST_CASE("a symbolic link without a target leads nowhere") {
    CHECK(has(outcome(layer_of(raw_header("x", '2', 0) + raw_end()), Fault::not_found), "not in the image"));
}

TEST_CASE("an archive that is cut off is damaged, wherever") {
    const std::string whole = tar({file("a", std::string(5000, 'a')), file("x", std::string(5000, 'x'))});
    for (const std::size_t size : {100U, 512U, 700U, 4000U, 5632U, 6000U, 6200U, 9000U, 11000U}) {
        CAPTURE(size);
        // One that ends between two members is an archive of the first.
        const bool is_whole = size == 5632;
        outcome(layer_of(whole.substr(0, size)), is_whole ? Fault::not_found : Fault::integrity);
        outcome(layer_of(gzipped(whole.substr(0, size))), is_whole ? Fault::not_found : Fault::integrity);
    }
    const std::string packed = gzipped(whole);
    CHECK(has(outcome(layer_of(packed.substr(0, packed.size() / 2)), Fault::integrity), "ends too early"));
}

TEST_CASE("garbage is no layer") {
    CHECK(has(outcome(layer_of("not an archive at all"), Fault::integrity), "archive"));
    CHECK(has(outcome(layer_of(std::string(4096, '\xff')), Fault::integrity), "archive"));
    CHECK(has(outcome(layer_of(std::string("\x1f\x8b\x08\x00garbage", 11)), Fault::integrity), "gzip: "));
}

TEST_CASE("a claimed size costs nothing") {
    constexpr std::uint64_t tebibyte = std::uint64_t{1} << 40;
    CHECK(has(outcome(layer_of(raw_header("x", '0', tebibyte) + "few"), Fault::integrity), "claims to have 1.0 TiB"));
    static_assert(LayerLimits{}.kept_bytes < tebibyte);
    // Within the limit, but not there.
    CHECK_FALSE(outcome(layer_of(raw_header("x", '0', 1 << 30) + "few"), Fault::integrity).empty());
}

TEST_CASE("bytes that are not the layer's are reported as such, whatever the archive looks like") {
    // Long enough for the archive to be given up before the stream's end.
    const std::string good = tar({file("x", std::string(1 << 20, '1'))});
    std::string page = "<html>sign in</html>";
    page.resize(good.size(), ' ');
    for (const std::string& sent :
         {tar({file("x", std::string(1 << 20, '2'))}), page, good + "more", good.substr(0, 600)}) {
        const Layers layers{.diff_ids = {diff_id_of(good)}, .open = [&](std::size_t) {
                                return io::verified(io::from_string(sent), io::sha256(good), good.size());
                            }};
        const std::string said = outcome(layers, Fault::integrity);
        CHECK_MESSAGE(has(said, io::sha256(good).str()), said.substr(0, 200));
    }
}

TEST_CASE("what stands after the archive belongs to the layer's digest") {
    const std::string blob = tar({file("x", "1")}) + std::string(200'000, 'z');
    CHECK(outcome(layer_of(blob), Fault::bug) == "1");
    const Layers other{.diff_ids = {diff_id_of(blob)}, .open = [&](std::size_t) {
                           return io::verified(io::from_string(blob.substr(0, blob.size() - 1) + "y"), io::sha256(blob),
                                               blob.size());
                       }};
    CHECK(has(outcome(other, Fault::integrity), "have the digest"));
}

TEST_CASE("names cannot write to the terminal") {
    const std::string said = outcome(layer_of(tar({symlink("x", "\x1b[31my\n")})), Fault::not_found);
    CHECK(said.find('\x1b') == std::string::npos);
}

TEST_CASE("an error of the stream comes through as it is, and the stream is left alone") {
    class Broken final : public io::Source {
    public:
        std::size_t read(std::span<std::byte>) override {
            throw Error(Fault::unavailable, reads_++ == 0 ? "the line went dead" : "it was read again");
        }

    private:
        int reads_ = 0;
    };
    const Layers layers{.diff_ids = {Digest()}, .open = [](std::size_t) { return std::make_unique<Broken>(); }};
    CHECK(outcome(layers, Fault::unavailable) == "the line went dead");
}

TEST_CASE("a layer has an end") {
    LayerSearch layer(Goal{.path = {"x"}, .rest = {}, .folder_of_link = {}}, {.members = 3});
    const auto empty = io::from_string("");
    io::TarReader reader(*empty);
    const io::TarEntry member{.path = "y", .type = Type::file, .target = {}};
    for (int i = 0; i < 2; ++i) {
        layer.begin_layer();
        for (int j = 0; j < 3; ++j) CHECK_NOTHROW(layer.observe(member, reader));
    }
    CHECK_THROWS_AS(layer.observe(member, reader), Error);
}

TEST_SUITE_END();

}  // namespace wasmx::extract
