// SPDX-License-Identifier: Apache-2.0
#include "image/layer_cache.hpp"

#include <doctest/doctest.h>

#include <thread>

#include "support/folder.hpp"

using namespace wasmx;
using namespace wasmx::image;

namespace {

namespace fs = std::filesystem;

struct Place {
    test::Folder folder;
    std::vector<std::string> warnings;

    LayerCache open(std::uint64_t limit = 1 << 20) {
        return LayerCache(folder.path() / "cache", limit,
                          [this](const std::string& line) { warnings.push_back(line); });
    }
};

oci::Descriptor form_of(const std::string& bytes) {
    return {.media_type = std::string(oci::media_type::oci_layer_gzip),
            .digest = io::sha256(bytes),
            .size = bytes.size(),
            .annotations = {}};
}

void keep(LayerCache& cache, const std::string& bytes) {
    io::TempFile file = cache.new_file();
    file.write(io::bytes_of(bytes));
    cache.keep(file, io::sha256(bytes));
}

std::string text_of(const io::Body& body) { return io::read_all(*body.open(), 1 << 20); }

}  // namespace

TEST_SUITE_BEGIN("image");

TEST_CASE("what a push learns is there for the next") {
    Place place;
    const Digest layer = io::sha256("the layer");
    {
        LayerCache cache = place.open();
        CHECK(cache.forms_of(layer).empty());
        cache.remember(layer, form_of("packed"));
        cache.remember(layer, form_of("packed"));
        cache.remember(layer, form_of("packed otherwise"));
        keep(cache, "packed");
        cache.keep_config("{}");
    }
    LayerCache cache = place.open();
    CHECK(cache.forms_of(layer).size() == 2);
    CHECK(cache.forms_of(io::sha256("another")).empty());
    CHECK(text_of(cache.find_blob(form_of("packed")).value()) == "packed");
    CHECK_FALSE(cache.find_blob(form_of("packed otherwise")));
    CHECK(cache.find_config(io::sha256("{}"), 100) == "{}");
    CHECK(place.warnings.empty());
}

TEST_CASE("a push that was killed leaves no half a blob") {
    Place place;
    {
        LayerCache cache = place.open();
        io::TempFile file = cache.new_file();
        file.write(io::bytes_of("half a bl"));
    }
    CHECK(fs::is_empty(place.folder.path() / "cache" / "blobs"));
}

TEST_CASE("what is damaged is not used") {
    Place place;
    LayerCache cache = place.open();
    keep(cache, "packed");
    cache.keep_config("{\"a\":1}");
    place.folder.write("cache/blobs/" + io::sha256("packed").hex(), "pack");
    CHECK_FALSE(cache.find_blob(form_of("packed")));
    CHECK_FALSE(fs::exists(place.folder.path() / "cache" / "blobs" / io::sha256("packed").hex()));
    place.folder.write("cache/blobs/" + io::sha256("{\"a\":1}").hex(), "{\"a\":2}");
    CHECK_FALSE(cache.find_config(io::sha256("{\"a\":1}"), 100));
    const Digest layer = io::sha256("the layer");
    place.folder.write("cache/forms/" + layer.hex() + "/x.json", "{\"digest\": 7}");
    place.folder.write("cache/forms/" + layer.hex() + "/y.json", "rubbish");
    CHECK(cache.forms_of(layer).empty());
    CHECK(place.warnings.empty());
}

TEST_CASE("blobs that were not used for longest go when there are too many") {
    Place place;
    {
        LayerCache cache = place.open(10);
        keep(cache, "aaaa");
        keep(cache, "bbbb");
        keep(cache, "cccc");
        const auto blob = [&](const char* text) {
            return place.folder.path() / "cache" / "blobs" / io::sha256(text).hex();
        };
        const auto now = fs::file_time_type::clock::now();
        fs::last_write_time(blob("aaaa"), now - std::chrono::hours(3));
        fs::last_write_time(blob("bbbb"), now - std::chrono::hours(2));
        fs::last_write_time(blob("cccc"), now - std::chrono::hours(1));
        CHECK(cache.find_blob(form_of("aaaa")));  // used again
    }
    LayerCache cache = place.open();
    CHECK(cache.find_blob(form_of("aaaa")));
    CHECK_FALSE(cache.find_blob(form_of("bbbb")));
    CHECK(cache.find_blob(form_of("cccc")));
}

TEST_CASE("a blob that another process removes stays readable for who has found it") {
    Place place;
    LayerCache cache = place.open();
    keep(cache, "packed");
    const auto body = cache.find_blob(form_of("packed"));
    cache.drop(io::sha256("packed"));
    CHECK(text_of(body.value()) == "packed");
    CHECK_FALSE(cache.find_blob(form_of("packed")));
}

TEST_CASE("a folder that cannot be used is told once, and the work goes on") {
    Place place;
    place.folder.write("cache", "a file");
    LayerCache cache = place.open();
    CHECK(place.warnings.size() == 1);
    keep(cache, "packed");
    cache.remember(io::sha256("x"), form_of("packed"));
    CHECK_FALSE(cache.find_blob(form_of("packed")));
    CHECK(place.warnings.size() == 1);
}

TEST_CASE("without a folder nothing is kept") {
    LayerCache cache({}, 10, [](const std::string&) { FAIL("warned"); });
    keep(cache, "packed");
    CHECK_FALSE(cache.find_blob(form_of("packed")));
}

TEST_CASE("two at once in the same folder") {
    Place place;
    LayerCache one = place.open();
    LayerCache two = place.open();
    const Digest layer = io::sha256("the layer");
    const auto work = [&](LayerCache& cache) {
        for (int i = 0; i < 50; ++i) {
            const std::string text = "blob " + std::to_string(i);
            keep(cache, text);
            cache.remember(layer, form_of(text));
        }
    };
    std::jthread other([&] { work(two); });
    work(one);
    other.join();
    CHECK(one.forms_of(layer).size() == 50);
    for (const oci::Descriptor& form : one.forms_of(layer))
        CHECK(io::sha256(text_of(one.find_blob(form).value())) == form.digest);
    CHECK(place.warnings.empty());
}

TEST_CASE("a folder that others may write to is not used, for what is in it is believed") {
    Place place;
    const fs::path folder = place.folder.path() / "cache";
    fs::create_directories(folder);
    for (const fs::perms others : {fs::perms::others_write, fs::perms::group_write}) {
        fs::permissions(folder, fs::perms::owner_all | others);
        place.warnings.clear();
        LayerCache cache = place.open();
        REQUIRE(place.warnings.size() == 1);
        CHECK(place.warnings.front().find("can be written to by others") != std::string::npos);
        cache.remember(io::sha256("the layer"), form_of("packed"));
        CHECK(cache.forms_of(io::sha256("the layer")).empty());
    }
}

TEST_CASE("what an older version has learned of other images is forgotten") {
    Place place;
    const Digest layer = io::sha256("the layer");
    place.folder.write("cache/layers/" + layer.hex() + "/x.json",
                       R"({"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:)" +
                           io::sha256("substituted").hex() + R"(","size":3})");
    LayerCache cache = place.open();
    CHECK(cache.forms_of(layer).empty());
    CHECK_FALSE(fs::exists(place.folder.path() / "cache" / "layers"));
    CHECK(place.warnings.empty());
}

TEST_CASE("a file of the cache that lies is as good as not there") {
    Place place;
    LayerCache cache = place.open();
    const Digest layer = io::sha256("the layer");
    const std::string digest = io::sha256("x").str();
    const std::string rows[] = {"",
                                "[]",
                                "null",
                                R"({"mediaType":7,"digest":")" + digest + R"(","size":1})",
                                R"({"mediaType":"a","digest":"sha256:12","size":1})",
                                R"({"mediaType":"a","digest":")" + digest + R"(","size":-1})",
                                R"({"mediaType":"a","digest":")" + digest + R"(","size":1.5})",
                                R"({"mediaType":"a","digest":")" + digest + R"(","size":"1"})",
                                R"({"mediaType":"a","digest":")" + digest + R"("})",
                                std::string(70'000, ' ') + R"({"mediaType":"a"})",
                                std::string(50'000, '[')};
    for (const std::string& text : rows) {
        CAPTURE(text.substr(0, 80));
        place.folder.write("cache/forms/" + layer.hex() + "/x.json", text);
        LayerCache other = place.open();
        CHECK(other.forms_of(layer).empty());
    }
}

TEST_SUITE_END();
