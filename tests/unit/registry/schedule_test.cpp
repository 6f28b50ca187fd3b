// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <latch>
#include <thread>

#include "base/text.hpp"
#include "registry/fault_registry.hpp"

// Whole pushes into a registry where everything goes wrong sooner or later: what comes out is right, or an error.

namespace wasmx::registry {

TEST_SUITE_BEGIN("registry");

namespace {

constexpr int pushes = 200;

struct Image {
    std::vector<std::string> blobs;
    std::string manifest;
};

Image image_of(std::mt19937& random) {
    Image out;
    out.manifest = R"({"schemaVersion":2,"blobs":[)";
    for (int i = 0; i < 3; ++i) {
        // Every fourth is long enough to be announced and to be resumed.
        std::string bytes(random() % 4 == 0 ? (1 << 20) + random() % (1 << 19) : 1 + random() % 50000, ' ');
        for (std::size_t at = 0; at < bytes.size(); at += 64) bytes[at] = static_cast<char>(random());
        out.manifest += (i == 0 ? "\"" : ",\"") + io::sha256(bytes).str() + "\"";
        out.blobs.push_back(std::move(bytes));
    }
    out.manifest += "]}";
    return out;
}

Repository::Options options_for(FaultRegistry& registry) {
    Repository::Options options;
    options.access = Access::push;
    options.credential = [] { return otto(); };
    options.clock = &registry.clock();
    return options;
}

void push(Repository& repository, const Image& image, bool mounting) {
    for (const std::string& bytes : image.blobs) {
        const auto blob = blob_of(bytes);
        if (repository.has_blob(blob.digest)) continue;
        if (mounting && repository.mount_blob(blob.digest, "kong/base")) continue;
        // Some are uploaded as they are made.
        if (bytes.size() % 2 == 0)
            repository.put_blob(blob, io::body_of(bytes));
        else
            repository.put_streamed_blob({.size = std::nullopt, .open = io::body_of(bytes).open}, [&] { return blob; });
    }
    const auto digest = repository.put_manifest("1", image.manifest, std::string(oci::media_type::oci_manifest));
    CHECK(digest == io::sha256(image.manifest));
}

void check_stored(const FaultRegistry& registry, const Image& image) {
    const auto blobs = registry.blobs();
    for (const std::string& bytes : image.blobs) {
        const auto found = blobs.find(io::sha256(bytes).str());
        REQUIRE(found != blobs.end());
        CHECK(found->second == bytes);
    }
    const auto manifests = registry.manifests();
    REQUIRE(manifests.contains("1"));
    CHECK(manifests.at("1") == image.manifest);
}

void check_honest(const Error& error) {
    CAPTURE(error.message());
    CHECK_FALSE(error.message().empty());
    CHECK(error.fault() != Fault::bug);
    for (const std::string& secret : {secret_word, std::string("b3R0bzpzM2NyZXQ="), std::string("tok-")}) {
        CHECK_FALSE(contains(error.message(), secret));
        CHECK_FALSE(contains(error.hint(), secret));
    }
}

}  // namespace

TEST_CASE("every push ends with the right image, or with an honest error") {
    const auto given = parse_number(environment("WASMX_SEED"));
    const auto first = static_cast<unsigned>(given.value_or(20260102));
    int good = 0;
    int faults = 0;
    // A seed that is given is run alone: it is one that was printed here.
    for (unsigned i = 0; i < (given ? 1U : pushes); ++i) {
        const unsigned seed = first + i;
        CAPTURE("WASMX_SEED=" + std::to_string(seed));
        std::mt19937 random(seed);
        const Image image = image_of(random);
        FaultRegistry registry(seed, 5 + static_cast<int>(random() % 20));
        if (random() % 3 == 0) registry.keep_elsewhere(image.blobs[random() % 3]);
        io::HttpClient http({}, "unit-test");
        Repository repository(http, oci::Reference::parse(registry.host() + "/kong/x"), options_for(registry));
        try {
            push(repository, image, random() % 2 == 0);
            check_stored(registry, image);
            ++good;
        } catch (const Error& error) {
            check_honest(error);
        }
        CHECK(registry.violations() == "");
        faults += registry.faults();
    }
    MESSAGE(good << " pushes came through " << faults << " faults");
    if (given) return;
    CHECK(faults > pushes);
    CHECK(good > pushes * 9 / 10);
}

TEST_CASE("blobs that are pushed at once share what the repository knows") {
    std::mt19937 random(7);
    Image image;
    image.manifest = "{}";
    constexpr int count = 6;
    for (int i = 0; i < count; ++i) image.blobs.push_back(image_of(random).blobs[0]);
    FaultRegistry registry(7, 10);
    io::HttpClient http({}, "unit-test");
    Repository repository(http, oci::Reference::parse(registry.host() + "/kong/x"), options_for(registry));
    std::latch together(count);
    std::atomic<int> failed{0};
    std::vector<std::thread> workers;
    for (const std::string& bytes : image.blobs) {
        workers.emplace_back([&] {
            together.arrive_and_wait();
            try {
                const auto blob = blob_of(bytes);
                if (repository.has_blob(blob.digest) || repository.mount_blob(blob.digest, "kong/base")) return;
                repository.put_blob(blob, io::body_of(bytes));
            } catch (const Error&) {
                ++failed;
            }
        });
    }
    for (std::thread& worker : workers) worker.join();
    int stored = 0;
    const auto blobs = registry.blobs();
    for (const std::string& bytes : image.blobs) stored += blobs.contains(io::sha256(bytes).str()) ? 1 : 0;
    CHECK(stored >= count - failed);
    CHECK(failed <= 2);
    CHECK(registry.violations() == "");
}

TEST_SUITE_END();

}  // namespace wasmx::registry
