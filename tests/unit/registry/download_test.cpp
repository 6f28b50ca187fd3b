// SPDX-License-Identifier: Apache-2.0
#include "base/text.hpp"
#include "registry/scene.hpp"

// What becomes of a download that breaks off.

namespace wasmx::registry {

TEST_SUITE_BEGIN("registry");

namespace {

std::string pattern(std::size_t size) {
    std::string out(size, ' ');
    for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i * 31 >> 7);
    return out;
}

const std::string bytes = pattern(3 << 20);
const oci::Descriptor blob = blob_of(bytes);
const std::string get = "GET /v2/kong/x/blobs/" + blob.digest.str();

std::string read(Scene& scene) { return io::read_all(*scene.pulling().open_blob(blob), bytes.size() + 1); }

std::size_t start_of(const test::Seen& seen) {
    const std::string range = seen.header("range");
    REQUIRE(range.starts_with("bytes="));
    REQUIRE(range.ends_with('-'));
    return static_cast<std::size_t>(parse_number(range.substr(6, range.size() - 7)).value());
}

std::string content_range(std::size_t first) {
    return "bytes " + std::to_string(first) + "-" + std::to_string(bytes.size() - 1) + "/" +
           std::to_string(bytes.size());
}

/// As a registry that knows ranges answers; `more` bytes, then the connection drops.
test::Reply rest(std::optional<std::size_t> more = {}) {
    return {.with_body = [more](const test::Seen& seen) -> test::Reply {
        const std::size_t first = start_of(seen);
        return {.status = 206,
                .headers = {{"Content-Range", content_range(first)}},
                .body = bytes.substr(first),
                .drop_reply_at = more};
    }};
}

test::Reply dropped(std::size_t at) { return {.body = bytes, .drop_reply_at = at}; }

}  // namespace

TEST_CASE("a download that broke off goes on where it was") {
    for (const std::size_t percent : {0, 10, 50, 90}) {
        CAPTURE(percent);
        const std::size_t at = bytes.size() * percent / 100;
        Scene scene({{get, dropped(at)}, {get, percent == 0 ? test::Reply{.body = bytes} : rest()}});
        CHECK(read(scene) == bytes);
        scene.check();
        CHECK(scene.clock.waits().size() == 1);
        if (percent > 0) CHECK(start_of(scene.seen()[1]) == at);
    }
}

TEST_CASE("what gets further each time is not given up") {
    std::vector<Scene::Step> steps{{get, dropped(300'000)}};
    for (int i = 0; i < 2; ++i) steps.push_back({get, rest(1'100'000)});
    for (int i = 0; i < 2; ++i) steps.push_back({get, rest(1000)});
    steps.push_back({get, rest()});
    Scene scene(steps);
    CHECK(read(scene) == bytes);
    scene.check();
}

TEST_CASE("what stays where it is, is") {
    Scene scene({{get, dropped(1000)}, {get, rest(0)}, {get, {.status = 502}}, {get, {.status = 503}}});
    const Error error = error_of([&] { read(scene); });
    CHECK(error.fault() == Fault::unavailable);
    CHECK(contains(error.message(), "4 attempts"));
    scene.check();
}

TEST_CASE("a registry without ranges begins at the front, and what was there is passed over") {
    const test::Reply whole{.body = bytes};
    const auto with_range = [](int status, const std::string& range) {
        return test::Reply{.status = status, .headers = {{"Content-Range", range}}, .body = bytes.substr(0, 2000)};
    };
    std::vector<std::vector<test::Reply>> rows{{whole}};
    for (const std::string& range : {content_range(0), content_range(1001), std::string("bytes 1000-2000/5000"),
                                     std::string("bytes=1000-"), std::string("bytes x-y/z"), std::string()})
        rows.push_back({with_range(206, range), whole});
    rows.push_back({{.status = 206, .body = bytes.substr(1000)}, whole});
    // 2.8.2 claims the blob's length for the few bytes of its refusal.
    rows.push_back({{.status = 416, .body = "{}", .claimed_length = bytes.size()}, whole});
    for (const auto& row : rows) {
        std::vector<Scene::Step> steps{{get, dropped(1000)}};
        for (const auto& reply : row) steps.push_back({get, reply});
        Scene scene(steps);
        CHECK(read(scene) == bytes);
        scene.check();
        CHECK(start_of(scene.seen()[1]) == 1000);
        if (row.size() > 1) CHECK(scene.seen()[2].headers.count("range") == 0);
    }
}

TEST_CASE("a rest of something else is found out") {
    std::string other = bytes;
    other.back() ^= 1;
    Scene scene(
        {{get, dropped(1000)},
         {get, {.status = 206, .headers = {{"Content-Range", content_range(1000)}}, .body = other.substr(1000)}}});
    CHECK(error_of([&] { read(scene); }).fault() == Fault::integrity);
    scene.check();
}

TEST_CASE("a length that is not the manifest's is another blob") {
    for (const std::string& body : {bytes.substr(1), bytes + "x", std::string()}) {
        Scene scene({{get, {.body = body}}});
        CHECK(error_of([&] { read(scene); }).fault() == Fault::integrity);
        scene.check();
        CHECK(scene.clock.waits().empty());
    }
}

TEST_CASE("a token that ran out meanwhile is renewed, and credentials stay at home") {
    test::HttpServer storage([](const test::Seen& seen) {
        if (seen.headers.count("range") == 0) return dropped(5000);
        return test::Reply{.status = 206,
                           .headers = {{"Content-Range", content_range(start_of(seen))}},
                           .body = bytes.substr(start_of(seen))};
    });
    const test::Reply away{.status = 307, .headers = {{"Location", storage.url() + "/b"}}};
    Scene scene({{get, challenge()}, {get, away}, {get, challenge()}, {get, away}},
                {{pull_token, token("T")}, {pull_token, token("U")}});
    CHECK(read(scene) == bytes);
    scene.check();
    REQUIRE(storage.seen().size() == 2);
    for (const auto& seen : storage.seen()) CHECK(seen.headers.count("authorization") == 0);
}

TEST_SUITE_END();

}  // namespace wasmx::registry
