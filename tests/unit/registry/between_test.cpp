// SPDX-License-Identifier: Apache-2.0
#include "io/compression.hpp"
#include "registry/error.hpp"
#include "registry/scene.hpp"

// Proxies and gateways before a registry that know less of HTTP than it does, or more.

namespace wasmx::registry {

TEST_SUITE_BEGIN("registry");

namespace {

const std::string bytes = [] {
    std::string out(3 << 20, ' ');
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<char>(i * 31 >> 7);
    return out;
}();
const oci::Descriptor blob = blob_of(bytes);
const std::string post = "POST /v2/kong/x/blobs/uploads/";
const std::string put = "?digest=" + blob.digest.str();
const std::string get_tag = "GET /v2/kong/x/manifests/1";
const std::string get_blob = "GET /v2/kong/x/blobs/";
const std::string manifest = R"({"schemaVersion":2})";
const test::Reply created{.status = 201};
const test::Reply page{.status = 404, .headers = {{"Content-Type", "text/html"}}, .body = "<html>Not Found</html>"};

test::Reply accepted(const std::string& location) { return {.status = 202, .headers = {{"Location", location}}}; }
test::Reply moved(int status, const std::string& location) {
    return {.status = status, .headers = {{"Location", location}}};
}

std::string gzip(const std::string& text) {
    return io::read_all(*io::compressed(io::from_string(text), {}, 1), 1 << 20);
}

}  // namespace

TEST_CASE("417: the same without the announcement, as curl and Go do, and the next one as well") {
    const std::string more = bytes + "more";
    Scene scene({{post, accepted("/u/1")},
                 {"PUT /u/1" + put, {.status = 417, .early = true}},
                 {"PUT /u/1" + put, created},
                 {post, accepted("/u/2")},
                 {"PUT /u/2?digest=" + blob_of(more).digest.str(), created}});
    Repository& repository = scene.pushing();
    repository.put_blob(blob, io::body_of(bytes));
    repository.put_blob(blob_of(more), io::body_of(more));
    scene.check();
    CHECK(scene.seen()[1].header("expect") == "100-continue");
    CHECK(scene.seen()[2].headers.count("expect") == 0);
    CHECK(scene.seen()[2].body == bytes);
    CHECK(scene.seen()[4].headers.count("expect") == 0);
}

TEST_CASE("411 to bytes of no known length: they are sent whole, with their length") {
    Scene scene(
        {{post, accepted("/u/1")}, {"PATCH /u/1", {.status = 411, .early = true}}, {"PUT /u/1" + put, created}});
    const auto open = [] { return io::from_string(bytes); };
    try {
        scene.pushing().put_streamed_blob({.size = std::nullopt, .open = open}, [] { return blob; });
    } catch (const Error& error) {
        FAIL_CHECK(error.message());
    }
    CHECK(scene.seen().back().body == bytes);
}

TEST_CASE("a redirect that keeps method and body is followed, as Go's clients do") {
    for (const int status : {307, 308}) {
        CAPTURE(status);
        Scene scene({{post, moved(status, "/r/blobs/uploads/")},
                     {"POST /r/blobs/uploads/", accepted("1")},
                     {"PUT /r/blobs/uploads/1" + put, moved(status, "/u/2" + put)},
                     {"PUT /u/2" + put, created},
                     {"PUT /v2/kong/x/manifests/1", moved(status, "/m/1")},
                     {"PUT /m/1", created},
                     {get_tag, moved(status, "/m/1")},
                     {"GET /m/1", {.body = manifest}}});
        Repository& repository = scene.pushing();
        repository.put_blob(blob, io::body_of(bytes));
        (void)repository.put_manifest("1", manifest, std::string(oci::media_type::oci_manifest));
        scene.check();
        CHECK(scene.seen()[3].body == bytes);
    }
    // These turn a POST into a GET: nothing would be opened.
    for (const int status : {301, 302, 303}) {
        Scene scene({{post, moved(status, "/elsewhere")}});
        CHECK(contains(error_of([&] { scene.pushing().prove_push(); }).hint(), "redirect"));
        scene.check();
    }
}

TEST_CASE("a redirect of an upload to another origin carries no Authorization") {
    test::HttpServer storage([](const test::Seen&) { return created; });
    Scene scene({{post, challenge()}, {post, accepted("/u/1")}, {"PUT /u/1" + put, moved(307, storage.url() + "/s")}},
                {{push_token_of_otto, token("T")}});
    scene.pushing().put_blob(blob, io::body_of(bytes));
    scene.check();
    REQUIRE(storage.seen().size() == 1);
    CHECK(storage.seen()[0].headers.count("authorization") == 0);
    CHECK(storage.seen()[0].body == bytes);
}

TEST_CASE("a page in place of the registry's word is neither a manifest nor its absence") {
    for (const test::Reply& reply :
         {page, test::Reply{.headers = {{"Content-Type", "text/html; charset=utf-8"}}, .body = "<html>Log in</html>"},
          test::Reply{.status = 404, .body = "default backend - 404"}}) {
        CAPTURE(reply.body);
        Scene scene({{get_tag, reply}});
        const Error error = error_of([&] { scene.pulling().find_manifest("1"); });
        scene.check();
        CHECK(error.fault() == Fault::unavailable);
        CHECK(contains(error.hint(), "in the registry's place"));
    }
    for (const test::Reply& reply : {test::Reply{.status = 404}, complaint(404, "MANIFEST_UNKNOWN")}) {
        Scene scene({{get_tag, reply}});
        CHECK_FALSE(scene.pulling().find_manifest("1"));
    }
}

TEST_CASE("what a proxy compresses on the way is what it was before, as for Go's clients") {
    const std::vector<std::pair<std::string, std::string>> encoded{{"Content-Encoding", "gzip"}};
    oci::Descriptor config = blob_of(manifest);
    config.media_type = std::string(oci::media_type::oci_config);
    Scene scene({{get_tag, {.headers = encoded, .body = gzip(manifest)}},
                 {get_blob + config.digest.str(), {.headers = encoded, .body = gzip(manifest)}}});
    Repository& repository = scene.pulling();
    CHECK(repository.find_manifest("1")->bytes == manifest);
    CHECK(io::read_all(*repository.open_blob(config), 1000) == manifest);
    scene.check();

    // A layer is compressed itself, and some servers call that an encoding.
    const std::string layer = gzip(bytes);
    Scene called({{get_blob + blob_of(layer).digest.str(), {.headers = encoded, .body = layer}}});
    CHECK(io::read_all(*called.pulling().open_blob(blob_of(layer)), 1 << 22) == layer);
}

TEST_CASE("a gateway's page to an upload is passed over, and not shown") {
    const test::Reply gateway{.status = 502, .headers = {{"Content-Type", "text/html"}}, .body = "<html>nginx</html>"};
    Scene scene({{post, gateway}, {post, accepted("/u/1")}, {"PUT /u/1" + put, created}});
    scene.pushing().put_blob(blob, io::body_of(bytes));
    scene.check();
}

TEST_CASE("Connection: close after every answer") {
    auto closing = [](test::Reply reply) {
        reply.headers.emplace_back("Connection", "close");
        return reply;
    };
    Scene scene({{post, closing(accepted("/u/1"))}, {"PUT /u/1" + put, closing(created)}});
    scene.pushing().put_blob(blob, io::body_of(bytes));
    scene.check();
}

TEST_CASE("HEAD that a proxy does not know is asked as GET") {
    const std::string path = "/v2/kong/x/blobs/" + blob.digest.str();
    Scene scene({{"HEAD " + path, {.status = 405}}, {"GET " + path, {.body = bytes}}});
    CHECK(scene.pulling().has_blob(blob.digest, blob.size));
    scene.check();
}

TEST_CASE("pages of nginx that have a next step") {
    Circumstances push{.registry = "r.example", .repository = "kong/x", .access = Access::push, .origin = {}};
    CHECK(contains(hint_for(413, "<html>", push), "client_max_body_size"));
    CHECK(contains(hint_for(400, "400 No required SSL certificate was sent", push), "client certificate"));
}

TEST_SUITE_END();

}  // namespace wasmx::registry
