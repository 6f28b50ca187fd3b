// SPDX-License-Identifier: Apache-2.0
#include "registry/scene.hpp"

namespace wasmx::registry {

TEST_SUITE_BEGIN("registry");

namespace {

const std::string bytes(100000, 'b');
const oci::Descriptor blob = blob_of(bytes);
const std::string get_blob = "GET /v2/kong/x/blobs/" + blob.digest.str();
const std::string head_blob = "HEAD /v2/kong/x/blobs/" + blob.digest.str();

std::string read(Repository& repository) { return io::read_all(*repository.open_blob(blob), 1 << 20); }

}  // namespace

TEST_CASE("a blob comes with its bytes verified") {
    Scene scene({{get_blob, {.body = bytes}}});
    CHECK(read(scene.pulling()) == bytes);
    scene.check();
}

TEST_CASE("a redirect never carries Authorization to another origin") {
    test::HttpServer storage([](const test::Seen&) { return test::Reply{.body = bytes}; });
    const test::Reply away{.status = 307, .headers = {{"Location", storage.url() + "/b?sig=%2b%2B&se=1"}}};
    Scene scene({{get_blob, challenge()}, {get_blob, away}}, {{pull_token + "&account=otto", token("T")}});
    CHECK(read(scene.pulling(otto())) == bytes);
    scene.check();
    CHECK(scene.seen()[1].header("authorization") == "Bearer T");
    REQUIRE(storage.seen().size() == 1);
    CHECK(storage.seen()[0].target == "/b?sig=%2b%2B&se=1");
    CHECK(storage.seen()[0].headers.count("authorization") == 0);
}

TEST_CASE("a redirect within the registry keeps it") {
    Scene scene({{get_blob, challenge()},
                 {get_blob, {.status = 302, .headers = {{"Location", "/elsewhere?x"}}}},
                 {"GET /elsewhere?x", {.body = bytes}}},
                {{pull_token, token("T")}});
    CHECK(read(scene.pulling()) == bytes);
    scene.check();
    CHECK(scene.seen()[2].header("authorization") == "Bearer T");
}

TEST_CASE("redirects end") {
    std::atomic<int> asked{0};
    test::HttpServer server([&](const test::Seen& seen) -> test::Reply {
        if (seen.target == "/v2/") return {};
        ++asked;
        return {.status = 307, .headers = {{"Location", seen.target + "x"}}};
    });
    io::HttpClient http({}, "unit-test");
    Repository repository(http, oci::Reference::parse(server.host() + "/kong/x"), {});
    CHECK(contains(error_of([&] { repository.open_blob(blob); }).message(), "more than 10 redirects"));
    CHECK(asked == 11);
}

TEST_CASE("an expired redirect is asked for anew") {
    test::Script storage_script({{"GET /old", {.status = 403}}, {"GET /new", {.body = bytes}}});
    test::HttpServer storage([&](const test::Seen& seen) { return storage_script(seen); });
    const auto to = [&](const std::string& path) {
        return test::Reply{.status = 307, .headers = {{"Location", storage.url() + path}}};
    };
    Scene scene({{get_blob, to("/old")}, {get_blob, to("/new")}});
    CHECK(read(scene.pulling()) == bytes);
    scene.check();
    CHECK(storage_script.verdict() == "");
}

TEST_CASE("wrong bytes are noticed") {
    Scene wrong({{get_blob, {.body = std::string(bytes.size(), 'c')}}});
    CHECK(error_of([&] { read(wrong.pulling()); }).fault() == Fault::integrity);
}

TEST_CASE("a rate limit is waited out") {
    Scene scene({{get_blob, {.status = 429, .headers = {{"Retry-After", "7"}}}},
                 {get_blob, complaint(429, "TOOMANYREQUESTS", "retry-after: 20.5s, allowed: 44000/minute")},
                 {get_blob, {.status = 502}},
                 {get_blob, {.body = bytes}}});
    CHECK(read(scene.pulling()) == bytes);
    scene.check();
    const auto waits = scene.clock.waits();
    REQUIRE(waits.size() == 3);
    CHECK(waits[0] >= std::chrono::seconds(7));
    CHECK(waits[1] >= milliseconds(20500));
    CHECK(waits[2] >= std::chrono::seconds(9));
}

TEST_CASE("patience ends, and the error says how much there was") {
    Scene scene({{get_blob, {.status = 503}},
                 {get_blob, {.status = 503}},
                 {get_blob, {.status = 503}},
                 {get_blob, {.status = 503}}});
    const Error error = error_of([&] { scene.pulling().open_blob(blob); });
    scene.check();
    CHECK(error.fault() == Fault::unavailable);
    CHECK(contains(error.message(), "503 Service Unavailable (4 attempts)"));
}

TEST_CASE("whether a blob is there") {
    struct Row {
        int status;
        bool there;
    };
    for (const Row& row : {Row{200, true}, Row{404, false}, Row{307, true}}) {
        CAPTURE(row.status);
        Scene scene({{head_blob, {.status = row.status}}});
        CHECK(scene.pulling().has_blob(blob.digest) == row.there);
        scene.check();
    }
}

TEST_CASE("a HEAD that is refused is repeated as a GET, which says why") {
    Scene scene(
        {{head_blob, {.status = 403}}, {get_blob, complaint(403, "DENIED", "permission_denied: write_package")}});
    const Error error = error_of([&] { scene.pulling().has_blob(blob.digest); });
    scene.check();
    CHECK(error.fault() == Fault::denied);
    CHECK(contains(error.message(), "write_package"));

    Scene odd(
        {{head_blob, {.status = 403}}, {get_blob, {.status = 307, .headers = {{"Location", "http://127.0.0.1:1/"}}}}});
    CHECK(odd.pulling().has_blob(blob.digest));
}

TEST_CASE("manifests: absent, by digest, and with a digest that lies") {
    const std::string manifest = R"({"schemaVersion":2})";
    const std::string digest = io::sha256(manifest).str();
    const std::string other = io::sha256("other").str();
    Scene absent({{"GET /v2/kong/x/manifests/1", complaint(404, "MANIFEST_UNKNOWN")}});
    CHECK_FALSE(absent.pulling().find_manifest("1"));

    Scene good(
        {{"GET /v2/kong/x/manifests/" + digest, {.headers = {{"Docker-Content-Digest", digest}}, .body = manifest}}});
    CHECK(good.pulling().find_manifest(digest)->digest.str() == digest);

    Scene wrong({{"GET /v2/kong/x/manifests/" + other, {.body = manifest}}});
    CHECK(error_of([&] { wrong.pulling().find_manifest(other); }).fault() == Fault::integrity);

    Scene lying({{"GET /v2/kong/x/manifests/1", {.headers = {{"Docker-Content-Digest", other}}, .body = manifest}}});
    CHECK(error_of([&] { lying.pulling().find_manifest("1"); }).fault() == Fault::integrity);

    Scene huge({{"GET /v2/kong/x/manifests/1", {.body = std::string(9 << 20, ' ')}}});
    CHECK(error_of([&] { huge.pulling().find_manifest("1"); }).fault() == Fault::integrity);
}

TEST_CASE("nothing listens") {
    int port = 0;
    {
        const test::HttpServer gone([](const test::Seen&) { return test::Reply(); });
        port = gone.port();
    }
    io::HttpClient http({}, "unit-test");
    FakeClock clock;
    Repository::Options options;
    options.clock = &clock;
    Repository repository(http, oci::Reference::parse("127.0.0.1:" + std::to_string(port) + "/kong/x"), options);
    try {
        repository.find_manifest("1");
        FAIL("nothing was thrown");
    } catch (const io::TransportError& error) {
        CHECK(error.kind() == io::TransportError::Kind::connect);
        CHECK(contains(error.message(), "(3 attempts)"));
    }
}

TEST_SUITE_END();

}  // namespace wasmx::registry
