// SPDX-License-Identifier: Apache-2.0
#include "push/uploads.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <set>

#include "support/error_of.hpp"
#include "support/http_server.hpp"

using namespace wasmx;
using namespace wasmx::push;

namespace {

/// A Progress for several threads.
class Quiet final : public Progress {
public:
    std::unique_ptr<Task> task(std::string, std::uint64_t) override { return std::make_unique<Counting>(advanced); }
    void note(std::string_view) override {}
    void warn(std::string_view) override {}

    std::atomic<std::uint64_t> advanced = 0;

private:
    class Counting final : public Task {
    public:
        explicit Counting(std::atomic<std::uint64_t>& advanced) : advanced_(advanced) {}

    private:
        void advance(std::uint64_t bytes) override { advanced_ += bytes; }
        void log(std::string_view, Stream) override {}
        void done(std::string_view) override {}
        void failed(std::string_view) override {}
        std::atomic<std::uint64_t>& advanced_;
    };
};

oci::Descriptor blob_of(const std::string& bytes) {
    return {.media_type = std::string(oci::media_type::oci_layer_gzip),
            .digest = io::sha256(bytes),
            .size = bytes.size(),
            .annotations = {}};
}

/// A registry that takes every blob but one.
struct Scene {
    std::mutex mutex;
    std::set<std::string> there;
    std::string refused;
    std::string refused_at_end;
    std::string dropped;  // once, half-way
    std::string busy;     // for four minutes
    std::atomic<bool> is_told_to_wait = false;
    std::size_t count() {
        const std::lock_guard lock(mutex);
        return there.size();
    }
    test::HttpServer server{[this](const test::Seen& seen) -> test::Reply {
        const std::lock_guard lock(mutex);
        if (seen.target == "/v2/") return {.status = 200};
        if (!busy.empty() && seen.method == "HEAD" && seen.target.ends_with(busy)) {
            is_told_to_wait = true;
            return {.status = 429, .headers = {{"Retry-After", "240"}}};
        }
        if (seen.method == "HEAD")
            return {.status = there.contains(seen.target.substr(seen.target.rfind('/') + 1)) ? 200 : 404};
        if (seen.method == "POST") return {.status = 202, .headers = {{"Location", "/v2/kong/x/blobs/uploads/1"}}};
        if (seen.method == "PATCH" || seen.method == "DELETE") return {.status = 202};
        if (seen.method == "GET" && there.contains(seen.target.substr(seen.target.rfind('/') + 1)))
            return {.status = 206, .body = "x"};  // its last byte
        if (seen.method == "GET") return {.status = 404};
        const std::string digest = seen.target.substr(seen.target.find("digest=") + 7);
        if (digest == refused) return {.status = 413, .early = true};
        if (digest == refused_at_end)
            return {.with_body = [](const test::Seen&) -> test::Reply { return {.status = 413}; }};
        if (digest == dropped) {
            dropped.clear();
            return {.drop_request_at = std::size_t{500'000}};
        }
        return {.with_body = [this, digest](const test::Seen&) -> test::Reply {
            const std::lock_guard stored(mutex);
            there.insert(digest);
            return {.status = 201};
        }};
    }};
    io::HttpClient http{{}, "test"};
    registry::Repository repository{
        http, oci::Reference::parse(server.host() + "/kong/x"), {.access = registry::Access::push}};
    Quiet progress;
};

}  // namespace

TEST_SUITE_BEGIN("push");

TEST_CASE("blobs are uploaded a few at a time, and what is there is not sent") {
    Scene scene;
    scene.there.insert(io::sha256("blob 3").str());
    Uploads uploads(scene.repository, scene.progress, 4);
    for (int i = 0; i < 20; ++i) {
        const std::string text = "blob " + std::to_string(i);
        uploads.add("layer", blob_of(text), io::body_of(text));
    }
    const Sent sent = uploads.finish();
    CHECK(sent.existed == 1);
    CHECK(sent.uploaded == 19);
    CHECK(sent.bytes == 9 * 6 + 10 * 7);
    CHECK(scene.count() == 20);
}

TEST_CASE("of a blob that the registry lacks it is not asked again") {
    Scene scene;
    Uploads uploads(scene.repository, scene.progress, 1);
    uploads.add("layer", blob_of("new"), io::body_of("new"), Uploads::Registry::lacks_it);
    CHECK(uploads.finish().uploaded == 1);
    const auto requests = scene.server.seen();
    const auto first = std::find_if(requests.begin(), requests.end(), [](const test::Seen& seen) {
        return seen.target.find("/blobs/") != std::string::npos;
    });
    REQUIRE(first != requests.end());
    CHECK(first->method == "POST");
}

TEST_CASE("what is sent again is counted once") {
    Scene scene;
    const std::string text(1'000'000, 'x');
    scene.dropped = io::sha256(text).str();
    Uploads uploads(scene.repository, scene.progress, 1);
    uploads.add("layer", blob_of(text), io::body_of(text));
    CHECK(uploads.finish().uploaded == 1);
    CHECK(scene.dropped.empty());
    CHECK(scene.progress.advanced == text.size());
}

TEST_CASE("the first error stops the others and is told once") {
    Scene scene;
    scene.refused = io::sha256("bad").str();
    Uploads uploads(scene.repository, scene.progress, 2);
    uploads.add("layer", blob_of("bad"), io::body_of("bad"));
    const Error error = test::error_of([&] { uploads.finish(); });
    CHECK(error.message().find("413") != std::string::npos);
    CHECK(error.frames().at(0).find("uploading layer sha256:") != std::string::npos);
    CHECK_THROWS_AS(uploads.check(), Error);
    CHECK_THROWS_AS(uploads.add("layer", blob_of("x"), io::body_of("x")), Error);
}

TEST_CASE("an upload under way is broken off when another one failed") {
    Scene scene;
    scene.refused = io::sha256("bad").str();
    std::atomic<bool> is_reading = false;
    std::atomic<bool> is_over = false;
    // Yields a byte at a time for as long as somebody reads.
    class Endless final : public io::Source {
    public:
        Endless(std::atomic<bool>& reading, std::atomic<bool>& over) : reading_(reading), over_(over) {}
        ~Endless() override { over_ = true; }
        std::size_t read(std::span<std::byte> buffer) override {
            reading_ = true;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
            buffer[0] = std::byte{'x'};
            return 1;
        }

    private:
        std::atomic<bool>& reading_;
        std::atomic<bool>& over_;
    };
    {
        Uploads uploads(scene.repository, scene.progress, 2);
        oci::Descriptor large = blob_of("large");
        large.size = 1 << 20;
        uploads.add("layer", large, io::Body{.size = large.size, .open = [&] {
                                                 return std::make_unique<Endless>(is_reading, is_over);
                                             }});
        while (!is_reading) std::this_thread::yield();
        uploads.add("layer", blob_of("bad"), io::body_of("bad"));
        CHECK(test::error_of([&] { uploads.finish(); }).message().find("413") != std::string::npos);
    }
    CHECK(is_over);
}

TEST_CASE("a blob that is being made is on its way before it is whole") {
    Scene scene;
    Uploads uploads(scene.repository, scene.progress, 1);
    const std::string text(2'000'000, 'x');
    GrowingBlob blob{io::TempFile()};
    uploads.add("layer", blob);
    blob.write(io::bytes_of(std::string_view(text).substr(0, 1'000'000)));
    // Nobody has said that it is whole: only an upload of what there is gets so far.
    while (scene.progress.advanced < 1'000'000) std::this_thread::yield();
    blob.write(io::bytes_of(std::string_view(text).substr(1'000'000)));
    blob.seal(blob_of(text));
    const Sent sent = uploads.finish();
    CHECK(sent.uploaded == 1);
    CHECK(sent.bytes == text.size());
    CHECK(scene.there == std::set<std::string>{io::sha256(text).str()});
    CHECK(scene.progress.advanced == text.size());
}

TEST_CASE("a blob that was whole before an upload was free is asked for first") {
    Scene scene;
    scene.there.insert(io::sha256("made").str());
    Uploads uploads(scene.repository, scene.progress, 1);
    GrowingBlob first{io::TempFile()};
    uploads.add("layer", first);
    first.write(io::bytes_of("x"));
    while (scene.progress.advanced < 1) std::this_thread::yield();  // the only upload is taken
    GrowingBlob second{io::TempFile()};
    uploads.add("layer", second);
    second.write(io::bytes_of("made"));
    second.seal(blob_of("made"));
    first.seal(blob_of("x"));
    const Sent sent = uploads.finish();
    CHECK(sent.existed == 1);
    CHECK(sent.uploaded == 1);
}

TEST_CASE("a blob that is given up is no failure") {
    Scene scene;
    Uploads uploads(scene.repository, scene.progress, 1);
    {
        GrowingBlob under_way{io::TempFile()};
        uploads.add("layer", under_way);
        under_way.write(io::bytes_of("some"));
        while (scene.progress.advanced < 4) std::this_thread::yield();
        GrowingBlob waiting{io::TempFile()};
        uploads.add("layer", waiting);
    }
    uploads.add("layer", blob_of("other"), io::body_of("other"));
    const Sent sent = uploads.finish();
    CHECK(sent.uploaded == 1);
    CHECK(scene.there == std::set<std::string>{io::sha256("other").str()});
    // What was given up while it waited has opened no upload.
    const auto requests = scene.server.seen();
    CHECK(std::count_if(requests.begin(), requests.end(),
                        [](const test::Seen& seen) { return seen.method == "POST"; }) == 2);
}

TEST_CASE("an upload that was told to wait does not hold up the error of another") {
    /// Gives its bytes when the other upload was told to wait.
    struct Gated final : io::Source {
        explicit Gated(Scene& scene, std::atomic<bool>& is_read) : scene_(scene), is_read_(is_read) {}
        std::size_t read(std::span<std::byte> buffer) override {
            is_read_ = true;
            while (!scene_.is_told_to_wait) std::this_thread::yield();
            return source_->read(buffer);
        }
        Scene& scene_;
        std::atomic<bool>& is_read_;
        io::SourcePtr source_ = io::from_string("bad");
    };
    Scene scene;
    scene.refused_at_end = io::sha256("bad").str();
    scene.busy = io::sha256("later").str();
    std::atomic<bool> is_read = false;
    {
        Uploads uploads(scene.repository, scene.progress, 2);
        uploads.add("layer", blob_of("bad"),
                    {.size = 3, .open = [&] { return std::make_unique<Gated>(scene, is_read); }});
        while (!is_read) std::this_thread::yield();
        uploads.add("layer", blob_of("later"), io::body_of("later"));
        CHECK(test::error_of([&] { uploads.finish(); }).message().find("413") != std::string::npos);
    }  // else after four minutes
}

TEST_CASE("going away without finish drops what waits") {
    Scene scene;
    {
        Uploads uploads(scene.repository, scene.progress, 1);
        for (int i = 0; i < 200; ++i) {
            const std::string text = "blob " + std::to_string(i);
            uploads.add("layer", blob_of(text), io::body_of(text));
        }
    }
    CHECK(scene.count() < 200);
    CHECK_FALSE(scene.repository.has_blob(io::sha256("x")));  // it can be asked all the same
}

TEST_SUITE_END();
