// SPDX-License-Identifier: Apache-2.0
#include "registry/github.hpp"
#include "registry/scene.hpp"

// What a registry, or who speaks in its place, might try with us.

namespace wasmx::registry {

TEST_SUITE_BEGIN("registry");

namespace {

const std::string bytes(100000, 'b');
const oci::Descriptor blob = blob_of(bytes);
const std::string get_blob = "GET /v2/kong/x/blobs/" + blob.digest.str();
const std::string get_tag = "GET /v2/kong/x/manifests/1";
const std::string post = "POST /v2/kong/x/blobs/uploads/";
const std::string put_digest = "digest=" + blob.digest.str();

test::Reply to(const std::string& location, int status = 307) {
    return {.status = status, .headers = {{"Location", location}}};
}

// A registry of this machine may lead to this machine and to the public, so these stand for all that lead inside.
const std::vector<std::string> inside{"http://169.254.169.254/latest/meta-data/",
                                      "http://10.1.2.3/",
                                      "http://192.168.1.1:1/",
                                      "http://[fe80::1]:1/",
                                      "http://[fd00::1]:1/",
                                      "http://0.0.0.0:1/",
                                      "http://metadata.internal:1/"};

}  // namespace

TEST_CASE("a redirect leads to where the registry is, and not further inside") {
    const auto storage =
        test::HttpServer::at("127.0.0.2", [](const test::Seen&) { return test::Reply{.body = bytes}; });
    Scene near({{get_blob, to(storage.url() + "/b")}});
    CHECK(io::read_all(*near.pulling().open_blob(blob), 1 << 20) == bytes);
    near.check();

    for (const std::string& target : inside) {
        CAPTURE(target);
        Scene scene({{get_blob, to(target)}});
        const Error error = error_of([&] { scene.pulling().open_blob(blob); });
        CHECK(error.fault() == Fault::denied);
        CHECK(contains(error.message(), "may not lead there"));
        scene.check();
        CHECK(scene.clock.waits().empty());
    }
}

TEST_CASE("a Location of an upload leads no further either") {
    for (const std::string& target : inside) {
        CAPTURE(target);
        Scene scene({{post, to(target + "u", 202)}});
        CHECK(error_of([&] { scene.pushing().put_blob(blob, io::body_of(bytes)); }).fault() == Fault::denied);
        scene.check();
    }
}

TEST_CASE("a realm leads no further either") {
    for (const std::string target : {"https://10.1.2.3/token", "https://169.254.169.254/token", "https://metadata/"}) {
        CAPTURE(target);
        Scene scene({{get_tag, {.status = 401, .headers = {{"WWW-Authenticate", "Bearer realm=\"" + target + "\""}}}}});
        const Error error = error_of([&] { scene.pulling().find_manifest("1"); });
        CHECK(error.fault() == Fault::denied);
        CHECK(contains(error.message(), "may not lead there"));
        scene.check();
    }
}

TEST_CASE("a storage does not send an upload on to a third host") {
    const auto third = test::HttpServer::at("127.0.0.3", [](const test::Seen&) { return test::Reply{.status = 201}; });
    const auto storage =
        test::HttpServer::at("127.0.0.2", [&](const test::Seen&) { return to(third.url() + "/u", 202); });
    Scene scene({{post, to(storage.url() + "/u", 202)}});
    const Error error = error_of([&] {
        scene.pushing().put_streamed_blob({.size = std::nullopt, .open = io::body_of(bytes).open}, [] { return blob; });
    });
    CHECK(error.fault() == Fault::denied);
    CHECK(third.seen().empty());
}

TEST_CASE("what a storage says is not read out") {
    const auto storage = test::HttpServer::at("127.0.0.2", [](const test::Seen&) {
        return test::Reply{
            .status = 403, .headers = {{"X-Request-Id", "s3cret-id"}}, .body = "the s3cret of the inside"};
    });
    Scene scene({{get_blob, to(storage.url() + "/b")}, {get_blob, to(storage.url() + "/b")}});
    const Error error = error_of([&] { scene.pulling().open_blob(blob); });
    scene.check();
    CHECK(contains(error.message(), "403 Forbidden"));
    CHECK_FALSE(contains(error.message() + error.hint(), "s3cret"));
}

TEST_CASE("a user in a Location is sent to nobody") {
    test::HttpServer storage([](const test::Seen&) { return test::Reply{.status = 201, .body = bytes}; });
    const std::string target = "http://u:p@" + storage.host() + "/b";
    Scene download({{get_blob, to(target)}});
    CHECK(error_of([&] { download.pulling().open_blob(blob); }).fault() == Fault::denied);
    Scene upload({{post, to(target, 202)}});
    CHECK(error_of([&] { upload.pushing().put_blob(blob, io::body_of(bytes)); }).fault() == Fault::denied);
    Scene home({{post, to("http://u:p@{host}/u", 202)}});
    CHECK(error_of([&] { home.pushing().put_blob(blob, io::body_of(bytes)); }).fault() == Fault::denied);
    CHECK(storage.seen().empty());
}

TEST_CASE("GitHub's token is not sent beside another user, nor in the clear") {
    test::HttpServer server([](const test::Seen&) { return test::Reply{.body = "{}"}; });
    io::HttpClient http({}, "unit-test");
    for (const std::string& api : {"http://u:p@" + server.host(), std::string("http://api.example")})
        CHECK(error_of([&] { ask_github(http, Secret("ghp_x"), api); }).fault() == Fault::config);
    CHECK(server.seen().empty());
}

TEST_CASE("cookies are not kept") {
    Scene scene({{get_tag, {.headers = {{"Set-Cookie", "a=b; Path=/"}}, .body = "{}"}}, {get_tag, {.body = "{}"}}});
    Repository& repository = scene.pulling();
    CHECK(repository.find_manifest("1"));
    CHECK(repository.find_manifest("1"));
    CHECK(scene.seen()[1].headers.count("cookie") == 0);
}

TEST_CASE("a redirect that comes home again carries what is ours, and none that goes round for ever") {
    Scene* there = nullptr;
    test::HttpServer storage([&](const test::Seen&) { return to(there->registry.url() + "/v2/kong/x/again"); });
    Scene scene(
        {{get_blob, challenge()}, {get_blob, to(storage.url() + "/b")}, {"GET /v2/kong/x/again", {.body = bytes}}},
        {{pull_token, token("T")}});
    there = &scene;
    CHECK(io::read_all(*scene.pulling().open_blob(blob), 1 << 20) == bytes);
    scene.check();
    CHECK(storage.seen()[0].headers.count("authorization") == 0);

    std::string url;
    test::HttpServer second([&](const test::Seen&) { return to(url); });
    test::HttpServer first([&](const test::Seen&) { return to(second.url() + "/"); });
    url = first.url() + "/";
    Scene loop({{get_blob, to(url)}});
    CHECK(contains(error_of([&] { loop.pulling().open_blob(blob); }).message(), "more than 10 redirects"));
    for (const auto& seen : first.seen()) CHECK(seen.headers.count("authorization") == 0);
}

TEST_CASE("a fragment of a Location does not swallow the digest") {
    Scene scene({{post, to("/u/1?s=2#here", 202)}, {"PUT /u/1?s=2&" + put_digest, {.status = 201}}});
    scene.pushing().put_blob(blob, io::body_of(bytes));
    scene.check();
}

TEST_CASE("a blob that does not end is ended") {
    const std::string endless(300000, 'b');
    Scene scene({{get_blob,
                  {.headers = {{"Transfer-Encoding", "chunked"}},
                   .body = "493e0\r\n" + endless + "\r\n",
                   .drop_reply_at = 307000}}});
    CHECK(error_of([&] { io::drain(*scene.pulling().open_blob(blob)); }).fault() == Fault::integrity);
}

TEST_CASE("digests of another kind than ours say nothing") {
    const std::string put = "PUT /u/1?" + put_digest;
    for (const std::string& digest : {"sha512:" + std::string(128, 'a'), std::string("md5:0"), std::string("\"\"")}) {
        CAPTURE(digest);
        Scene scene({{post, to("/u/1", 202)}, {put, {.status = 201, .headers = {{"Docker-Content-Digest", digest}}}}});
        scene.pushing().put_blob(blob, io::body_of(bytes));
        scene.check();
    }
}

TEST_CASE("scopes that a registry asks for have an end") {
    const auto wants = [](const std::string& scope) {
        return test::Reply{
            .status = 401,
            .headers = {{"WWW-Authenticate",
                         "Bearer realm=\"{tokens}/token\",error=\"insufficient_scope\",scope=\"" + scope + "\""}}};
    };
    std::vector<Scene::Step> requests{{get_tag, challenge()},
                                      {get_tag, wants("repository:" + std::string(2000, 'a') + ":pull")}};
    std::vector<Scene::Step> tokens{{pull_token, token("T")}};
    for (int i = 0; i < 20; ++i) {
        requests.push_back({get_tag, wants("repository:y" + std::to_string(i) + ":pull")});
        requests.push_back({get_tag, {.body = "{}"}});
        tokens.push_back({"GET /token?scope=*", token("T")});
    }
    Scene scene(requests, tokens);
    Repository& repository = scene.pulling();
    CHECK(error_of([&] { repository.find_manifest("1"); }).fault() == Fault::denied);
    for (int i = 0; i < 16; ++i) CHECK(repository.find_manifest("1"));
    CHECK(error_of([&] { repository.find_manifest("1"); }).fault() == Fault::denied);
    CHECK(scene.tokens.seen().size() == 17);
    for (const auto& seen : scene.tokens.seen()) CHECK(seen.target.size() < 1000);
}

TEST_CASE("what a challenge says does not get into a header or another parameter") {
    Scene scene(
        {{get_tag,
          {.status = 401,
           .headers = {{"WWW-Authenticate", "Bearer realm=\"{tokens}/token\",service=\"r&account=root\tX: y\""}}}},
         {get_tag, {.body = "{}"}}},
        {{"GET /token?service=r%26account%3Droot%09X%3A%20y&scope=repository%3Akong%2Fx%3Apull", token("T")}});
    CHECK(scene.pulling().find_manifest("1"));
    scene.check();

    for (const std::string bad : {R"(a\u000d\u000aX: y)", R"(a b)", R"(a\u0000)", R"(a\u00e4)"}) {
        CAPTURE(bad);
        Scene injected({{get_tag, challenge()}}, {{pull_token, token(bad)}});
        CHECK(error_of([&] { injected.pulling().find_manifest("1"); }).fault() == Fault::unavailable);
    }
}

TEST_SUITE_END();

}  // namespace wasmx::registry
