// SPDX-License-Identifier: Apache-2.0
#include "io/growing.hpp"
#include "registry/scene.hpp"

// Blobs that are uploaded while they are made.

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
const std::string head = "HEAD /v2/kong/x/blobs/" + blob.digest.str();
const test::Reply created{.status = 201};

std::string put(const std::string& session) {
    return "PUT " + session + (contains(session, "?") ? "&" : "?") + "digest=" + blob.digest.str();
}
test::Reply accepted(const std::string& location) { return {.status = 202, .headers = {{"Location", location}}}; }

io::Body unsized() { return {.size = std::nullopt, .open = io::body_of(bytes).open}; }

void upload(Scene& scene) {
    scene.pushing().put_streamed_blob(unsized(), [] { return blob; });
}

}  // namespace

TEST_CASE("POST, one PATCH as the bytes come, and an empty PUT") {
    Scene scene({{post, challenge()},
                 {post, accepted("/u/1?s=1")},
                 {"PATCH /u/1?s=1", accepted("/u/1?s=2")},
                 {put("/u/1?s=2"), created}},
                {{push_token_of_otto, token("T")}});
    io::GrowingFile file{io::TempFile()};
    const io::Body body = file.body();
    std::jthread writer([&] {
        for (std::size_t at = 0; at < bytes.size(); at += 100'000)
            file.write(io::bytes_of(std::string_view(bytes).substr(at, 100'000)));
        file.finish();
    });
    scene.pushing().put_streamed_blob(body, [&] {
        writer.join();
        return blob;
    });
    scene.check();
    const auto patch = scene.seen()[2];
    CHECK((patch.body == bytes));
    CHECK(patch.header("transfer-encoding") == "chunked");
    CHECK(patch.header("content-length") == "");
    CHECK(patch.header("content-range") == "");  // ghcr.io takes no more than 4 MiB with one
    CHECK(patch.header("content-type") == "application/octet-stream");
    CHECK(patch.header("authorization") == "Bearer T");
    CHECK(scene.seen()[3].header("content-length") == "0");
}

TEST_CASE("a stream that breaks off goes on in its session, where that tells how far it is") {
    Scene scene({{post, accepted("/u/1")},
                 {"PATCH /u/1", {.drop_request_at = 2 << 20}},
                 {"GET /u/1", {.status = 204, .headers = {{"Location", "/u/1?s=2"}, {"Range", "0-2097151"}}}},
                 {put("/u/1?s=2"), created}});
    upload(scene);
    scene.check();
    CHECK(scene.seen()[3].header("content-range") == "2097152-3145727");
    CHECK((scene.seen()[3].body == bytes.substr(2 << 20)));
}

TEST_CASE("a stream whose session is gone: all of it, in a new one, unless it has arrived") {
    for (const bool arrived : {false, true}) {
        CAPTURE(arrived);
        std::vector<Scene::Step> steps{{post, accepted("/u/1")},
                                       {"PATCH /u/1", {.drop_request_at = 1 << 20}},
                                       {"GET /u/1", complaint(404, "BLOB_UPLOAD_INVALID")},
                                       {head, {.status = arrived ? 200 : 404}}};
        if (!arrived) {
            steps.push_back({post, accepted("/u/2")});
            steps.push_back({put("/u/2"), created});
        }
        Scene scene(steps);
        upload(scene);
        scene.check();
        if (!arrived) CHECK((scene.seen()[5].body == bytes));
    }
}

TEST_CASE("the reply to the commit of a stream is lost, and the blob is there") {
    Scene scene({{post, accepted("/u/1")},
                 {"PATCH /u/1", accepted("/u/1")},
                 {put("/u/1"), {.lost = true}},
                 {put("/u/1"), {.lost = true}},  // below us, as for any small request on a kept connection
                 {"GET /u/1", {.status = 404}},
                 {head, {}}});
    upload(scene);
    scene.check();
}

TEST_CASE("a stream that is refused: what the registry asks for is done, then the whole is sent") {
    struct Case {
        test::Reply reply;
        std::chrono::seconds at_least;
    };
    for (const Case& one : {Case{{.status = 429, .headers = {{"Retry-After", "7"}}}, std::chrono::seconds(7)},
                            Case{{.status = 503}, std::chrono::seconds(1)},
                            Case{{.status = 403, .body = R"({"message":"You have exceeded a secondary rate limit"})"},
                                 std::chrono::minutes(1)},
                            Case{complaint(404, "BLOB_UPLOAD_UNKNOWN"), std::chrono::seconds(0)},
                            Case{{.status = 405}, std::chrono::seconds(0)}}) {
        CAPTURE(one.reply.status);
        Scene scene({{post, accepted("/u/1")},
                     {"PATCH /u/1", one.reply},
                     {"GET /u/1", {.status = 404}},
                     {head, {.status = 404}},
                     {post, accepted("/u/2")},
                     {put("/u/2"), created}});
        upload(scene);
        scene.check();
        std::chrono::milliseconds waited{0};
        for (const auto wait : scene.clock.waits()) waited += wait;
        CHECK(waited >= one.at_least);
    }
}

TEST_CASE("what was stored of a stream is something else: once more, in a session that knows nothing of it") {
    const test::Reply other{.status = 201, .headers = {{"Docker-Content-Digest", io::sha256("x").str()}}};
    for (const test::Reply& reply : {complaint(400, "DIGEST_INVALID"), other}) {
        CAPTURE(reply.status);
        Scene scene({{post, accepted("/u/1")},
                     {"PATCH /u/1", accepted("/u/1")},
                     {put("/u/1"), reply},
                     {post, accepted("/u/2")},
                     {put("/u/2"), created}});
        upload(scene);
        scene.check();
    }
}

TEST_CASE("a token that ends in the middle of a stream is renewed, and the bytes are sent from their start") {
    Scene scene({{post, challenge()},
                 {post, accepted("/u/1")},
                 {"PATCH /u/1", challenge(R"(,error="invalid_token")")},
                 {"PATCH /u/1", accepted("/u/1")},
                 {put("/u/1"), created}},
                {{push_token_of_otto, token("T")}, {push_token_of_otto, token("U")}});
    upload(scene);
    scene.check();
    CHECK(scene.seen()[3].header("authorization") == "Bearer U");
    CHECK((scene.seen()[3].body == bytes));
}

TEST_CASE("a Location on another origin gets a stream and no Authorization") {
    test::HttpServer elsewhere(
        [](const test::Seen& seen) { return seen.method == "PATCH" ? test::Reply{.status = 202} : created; });
    Scene scene({{post, challenge()}, {post, accepted(elsewhere.url() + "/u?sig=1")}},
                {{push_token_of_otto, token("T")}});
    upload(scene);
    scene.check();
    REQUIRE(elsewhere.seen().size() == 2);
    for (const auto& seen : elsewhere.seen()) CHECK(seen.headers.count("authorization") == 0);
    CHECK((elsewhere.seen()[0].body == bytes));
}

TEST_CASE("a right that is lost in the middle of a stream ends it at once") {
    Scene scene({{post, challenge()}, {post, accepted("/u/1")}, {"PATCH /u/1", complaint(403, "DENIED", "no more")}},
                {{push_token_of_otto, token("T")}});
    const auto never = []() -> oci::Descriptor {
        FAIL("nobody should wait for the rest");
        throw 0;
    };
    CHECK(error_of([&] { scene.pushing().put_streamed_blob(unsized(), never); }).fault() == Fault::denied);
    scene.check();
}

TEST_CASE("who may not open an upload is told so before anything is made") {
    Scene scene({{post, challenge()}, {post, complaint(403, "DENIED", "permission_denied: write_package")}},
                {{push_token_of_otto, token("T")}});
    bool asked = false;
    const Error error = error_of([&] {
        scene.pushing().put_streamed_blob(unsized(), [&] {
            asked = true;
            return blob;
        });
    });
    scene.check();
    CHECK(error.fault() == Fault::denied);
    CHECK_FALSE(asked);
}

TEST_CASE("a blob that is given up takes its session with it") {
    Scene scene({{post, accepted("/u/1")}, {"PATCH /u/1", accepted("/u/1")}, {"DELETE /u/1", {.status = 204}}});
    const auto give_up = []() -> oci::Descriptor { throw Error(Fault::interrupted, "given up"); };
    CHECK(error_of([&] { scene.pushing().put_streamed_blob(unsized(), give_up); }).fault() == Fault::interrupted);
    scene.check();

    // In the middle of its bytes.
    test::HttpServer server([](const test::Seen& seen) {
        if (seen.method == "POST") return accepted("/u/1");
        return test::Reply{.status = seen.method == "DELETE" ? 204 : 202};
    });
    io::HttpClient http({}, "unit-test");
    Repository repository(http, oci::Reference::parse(server.host() + "/kong/x"), {.access = Access::push});
    std::optional<io::GrowingFile> file(std::in_place, io::TempFile());
    file->write(io::bytes_of(bytes));
    const io::Body body = file->body();
    std::jthread maker([&] { file.reset(); });
    CHECK(error_of([&] { repository.put_streamed_blob(body, give_up); }).fault() == Fault::interrupted);
    const auto seen = server.seen();
    REQUIRE_FALSE(seen.empty());
    CHECK(seen.back().line() == "DELETE /u/1");
}

TEST_SUITE_END();

}  // namespace wasmx::registry
