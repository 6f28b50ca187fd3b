// SPDX-License-Identifier: Apache-2.0
#include "registry/scene.hpp"

namespace wasmx::registry {

TEST_SUITE_BEGIN("registry");

namespace {

const std::string bytes = [] {
    std::string out(3 << 20, ' ');
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<char>(i * 31 >> 7);
    return out;
}();
const oci::Descriptor blob = blob_of(bytes);
const std::string digest = blob.digest.str();
const std::string post = "POST /v2/kong/x/blobs/uploads/";
const std::string head = "HEAD /v2/kong/x/blobs/" + digest;

test::Reply accepted(const std::string& location) { return {.status = 202, .headers = {{"Location", location}}}; }
const test::Reply created{.status = 201};

struct Put {
    std::string line;
    explicit Put(const std::string& session)
        : line("PUT " + session + (contains(session, "?") ? "&" : "?") + "digest=" + digest) {}
};

}  // namespace

TEST_CASE("POST, then one PUT with everything") {
    Scene scene({{post, challenge()}, {post, accepted("/u/1")}, {Put("/u/1").line, created}},
                {{push_token_of_otto, token("T")}});
    scene.pushing().put_blob(blob, io::body_of(bytes));
    scene.check();
    const auto put = scene.seen()[2];
    CHECK(put.body == bytes);
    CHECK(put.header("content-length") == std::to_string(bytes.size()));
    CHECK(put.header("content-type") == "application/octet-stream");
    CHECK(put.header("authorization") == "Bearer T");
    CHECK(put.header("expect") == "100-continue");
    CHECK(scene.seen()[1].header("content-length") == "0");
}

TEST_CASE("a Location is used byte for byte") {
    for (const std::string location :
         {"{registry}/u/%2f%2F/a+b?_state=a%2Bb+c%3d&x", "/u/%2f%2F/a+b?_state=a%2Bb+c%3d&x"}) {
        CAPTURE(location);
        Scene scene({{post, accepted(location)}, {Put("/u/%2f%2F/a+b?_state=a%2Bb+c%3d&x").line, created}});
        scene.pushing().put_blob(blob, io::body_of(bytes));
        scene.check();
    }
    Scene relative({{post, accepted("1?s=2")}, {Put("/v2/kong/x/blobs/uploads/1?s=2").line, {.status = 204}}});
    relative.pushing().put_blob(blob, io::body_of(bytes));
    relative.check();
}

TEST_CASE("a Location on another origin gets the bytes and no Authorization") {
    test::HttpServer elsewhere([](const test::Seen&) { return created; });
    Scene scene({{post, challenge()}, {post, accepted(elsewhere.url() + "/u?sig=1")}},
                {{push_token_of_otto, token("T")}});
    scene.pushing().put_blob(blob, io::body_of(bytes));
    scene.check();
    REQUIRE(elsewhere.seen().size() == 1);
    CHECK(elsewhere.seen()[0].line() == Put("/u?sig=1").line);
    CHECK(elsewhere.seen()[0].headers.count("authorization") == 0);
    CHECK(elsewhere.seen()[0].body == bytes);
}

TEST_CASE("the reply to the PUT is lost, and the blob is there") {
    Scene scene(
        {{post, accepted("/u/1")}, {Put("/u/1").line, {.lost = true}}, {"GET /u/1", {.status = 404}}, {head, {}}});
    scene.pushing().put_blob(blob, io::body_of(bytes));
    scene.check();
}

TEST_CASE("a small PUT whose reply is lost on a kept connection is resent below us, and refused") {
    const std::string little = "little";
    const oci::Descriptor small = blob_of(little);
    const std::string put = "PUT /u/1?digest=" + small.digest.str();
    Scene scene({{post, accepted("/u/1")},
                 {put, {.lost = true}},
                 {put, complaint(404, "BLOB_UPLOAD_UNKNOWN")},
                 {"HEAD /v2/kong/x/blobs/" + small.digest.str(), {}}});
    scene.pushing().put_blob(small, io::body_of(little));
    scene.check();
    CHECK(scene.seen()[2].body == little);
}

TEST_CASE("a session that went away, whatever it is called: a new one") {
    for (const test::Reply& reply : {complaint(404, "BLOB_UNKNOWN"), test::Reply{.status = 404}}) {
        Scene scene({{post, accepted("/u/1")},
                     {Put("/u/1").line, reply},
                     {head, {.status = 404}},
                     {post, accepted("/u/2")},
                     {Put("/u/2").line, created}});
        scene.pushing().put_blob(blob, io::body_of(bytes));
        scene.check();
    }
    Scene nameless({{post, complaint(404, "NAME_UNKNOWN")}, {head, {.status = 404}}});
    CHECK(error_of([&] { nameless.pushing().put_blob(blob, io::body_of(bytes)); }).fault() == Fault::not_found);
    nameless.check();
}

TEST_CASE("a registry that has answered is waited for longer when it is away") {
    std::optional<test::HttpServer> server([](const test::Seen&) { return test::Reply(); });
    io::HttpClient http({}, "unit-test");
    FakeClock clock;
    Repository repository(http, oci::Reference::parse(server->host() + "/kong/x"),
                          {.access = Access::push, .clock = &clock});
    CHECK(repository.has_blob(blob.digest));
    server.reset();
    CHECK(contains(error_of([&] { repository.put_blob(blob, io::body_of(bytes)); }).message(), "(7 attempts)"));
    CHECK(clock.waits().size() == 6);
}

TEST_CASE("a large blob of which all was sent is waited for before it is sent again") {
    const std::uint64_t size = 66'000'000;
    class Zeros final : public io::Source {
    public:
        explicit Zeros(std::uint64_t left) : left_(left) {}
        std::size_t read(std::span<std::byte> buffer) override {
            const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, buffer.size()));
            left_ -= count;
            return count;
        }

    private:
        std::uint64_t left_;
    };
    oci::Descriptor large = blob;
    large.size = size;
    Scene scene({{post, accepted("/u/1")},
                 {Put("/u/1").line, {.status = 504}},
                 {"GET /u/1", {.status = 404}},
                 {head, {.status = 404}},
                 {head, {}}});
    scene.pushing().put_blob(large, {.size = size, .open = [&] { return std::make_unique<Zeros>(size); }});
    scene.check();
}

TEST_CASE("the reply to the PUT is lost, and so is the blob: all of it once more, in a new session") {
    Scene scene({{post, accepted("/u/1")},
                 {Put("/u/1").line, {.lost = true}},
                 {"GET /u/1", {.status = 404}},
                 {head, {.status = 404}},
                 {post, accepted("/u/2")},
                 {Put("/u/2").line, created}});
    scene.pushing().put_blob(blob, io::body_of(bytes));
    scene.check();
    CHECK(scene.seen()[5].body == bytes);
}

TEST_CASE("a connection that breaks off in the middle") {
    Scene scene({{post, accepted("/u/1")},
                 {Put("/u/1").line, {.drop_request_at = 1 << 20}},
                 {"GET /u/1", complaint(404, "BLOB_UPLOAD_INVALID")},
                 {head, {.status = 404}},
                 {post, accepted("/u/2")},
                 {Put("/u/2").line, created}});
    scene.pushing().put_blob(blob, io::body_of(bytes));
    scene.check();
    CHECK(scene.seen()[5].body == bytes);
}

TEST_CASE("a session that went away") {
    Scene stored({{post, accepted("/u/1")}, {Put("/u/1").line, complaint(404, "BLOB_UPLOAD_UNKNOWN")}, {head, {}}});
    stored.pushing().put_blob(blob, io::body_of(bytes));
    stored.check();

    Scene lost({{post, accepted("/u/1")},
                {Put("/u/1").line, complaint(404, "BLOB_UPLOAD_INVALID")},
                {head, {.status = 404}},
                {post, accepted("/u/2")},
                {Put("/u/2").line, created}});
    lost.pushing().put_blob(blob, io::body_of(bytes));
    lost.check();
}

TEST_CASE("the token expires during the upload: renewed once, and resent to the same session") {
    Scene scene({{post, challenge()},
                 {post, accepted("/u/1")},
                 {Put("/u/1").line, challenge(R"(,error="invalid_token")")},
                 {Put("/u/1").line, created}},
                {{push_token_of_otto, token("old")}, {push_token_of_otto, token("new")}});
    scene.pushing().put_blob(blob, io::body_of(bytes));
    scene.check();
    CHECK(scene.seen()[3].header("authorization") == "Bearer new");
    CHECK(scene.seen()[3].body == bytes);
}

TEST_CASE("a refusal before the bytes costs no bytes") {
    auto early = complaint(403, "DENIED", "installation not allowed to Write organization package");
    early.early = true;
    Scene scene({{post, accepted("/u/1")}, {Put("/u/1").line, early}, {head, {.status = 404}}});
    std::uint64_t read = 0;
    const io::Body counted{.size = bytes.size(), .open = [&] {
                               return io::counted(io::from_string(bytes), [&](std::uint64_t count) { read += count; });
                           }};
    const Error error = error_of([&] { scene.pushing().put_blob(blob, counted); });
    CHECK(error.fault() == Fault::denied);
    CHECK(contains(error.hint(), "packages: write"));
    CHECK(read == 0);
}

TEST_CASE("bytes that do not match are sent twice, and not more") {
    Scene scene({{post, accepted("/u/1")},
                 {Put("/u/1").line, complaint(400, "DIGEST_INVALID")},
                 {head, {.status = 404}},
                 {post, accepted("/u/2")},
                 {Put("/u/2").line, complaint(400, "DIGEST_INVALID")},
                 {head, {.status = 404}}});
    CHECK(contains(error_of([&] { scene.pushing().put_blob(blob, io::body_of(bytes)); }).message(), "(2 attempts)"));
    scene.check();
}

TEST_CASE("a source that fails is not the registry's fault") {
    Scene scene({{post, accepted("/u/1")}, {Put("/u/1").line, {}}});
    const io::Body broken{.size = bytes.size(),
                          .open = []() -> io::SourcePtr { throw Error(Fault::io, "the disk is gone"); }};
    const Error error = error_of([&] { scene.pushing().put_blob(blob, broken); });
    CHECK(error.fault() == Fault::io);
    CHECK(error.message() == "the disk is gone");
    CHECK(scene.clock.waits().empty());
}

TEST_CASE("the registry stored something else, twice") {
    const test::Reply other{.status = 201, .headers = {{"Docker-Content-Digest", io::sha256("x").str()}}};
    Scene scene({{post, accepted("/u/1")},
                 {Put("/u/1").line, other},
                 {head, {.status = 404}},
                 {post, accepted("/u/2")},
                 {Put("/u/2").line, other},
                 {head, {.status = 404}}});
    CHECK(error_of([&] { scene.pushing().put_blob(blob, io::body_of(bytes)); }).fault() == Fault::integrity);
    scene.check();
}

TEST_CASE("manifests are stored, compared and read back") {
    const std::string manifest = R"({"schemaVersion":2})";
    const std::string type(oci::media_type::oci_manifest);
    const std::string key = io::sha256(manifest).str();
    const std::string put = "PUT /v2/kong/x/manifests/1";
    const std::string get = "GET /v2/kong/x/manifests/1";
    const std::string get_by_digest = "GET /v2/kong/x/manifests/" + key;
    const test::Reply stored{.status = 201, .headers = {{"Docker-Content-Digest", key}}};

    Scene good({{put, complaint(400, "MANIFEST_BLOB_UNKNOWN")}, {put, stored}, {get, {.body = manifest}}});
    CHECK(good.pushing().put_manifest("1", manifest, type).str() == key);
    good.check();
    CHECK(good.seen()[1].header("content-type") == type);
    CHECK(good.seen()[1].body == manifest);
    CHECK(good.clock.waits().size() == 1);

    Scene other({{put, {.status = 201, .headers = {{"Docker-Content-Digest", io::sha256("x").str()}}}}});
    CHECK(error_of([&] { other.pushing().put_manifest("1", manifest, type); }).fault() == Fault::integrity);

    Scene late({{put, stored}, {get, {.status = 404}}, {get, {.status = 404}}, {get, {.body = manifest}}});
    CHECK(late.pushing().put_manifest("1", manifest, type) == io::sha256(manifest));
    late.check();

    std::vector<Scene::Step> never{{put, stored}};
    for (int i = 0; i < 5; ++i) never.push_back({get, {.status = 404}});
    never.push_back({get_by_digest, {.status = 404}});
    Scene vanished(never);
    CHECK(error_of([&] { vanished.pushing().put_manifest("1", manifest, type); }).fault() == Fault::integrity);
    vanished.check();

    Scene invalid({{put, complaint(400, "MANIFEST_INVALID", "bad")}, {get, {.status = 404}}});
    CHECK(contains(error_of([&] { invalid.pushing().put_manifest("1", manifest, type); }).message(),
                   "MANIFEST_INVALID: bad"));
}

TEST_CASE("the right to push is proved by an upload that is opened, and cancelled when nobody needs it") {
    Scene good({{post, challenge()}, {post, accepted("/u/1?s=1")}, {"DELETE /u/1?s=1", complaint(405, "UNSUPPORTED")}},
               {{push_token_of_otto, token("T")}});
    good.pushing().prove_push();
    good.close();
    good.check();
    CHECK(good.seen()[2].header("authorization") == "Bearer T");

    Scene gone({{post, accepted("/u/1")}, {"DELETE /u/1", {.lost = true}}});
    gone.pushing().prove_push();
    gone.close();

    Scene denied({{post, challenge()}, {post, complaint(403, "DENIED", "permission_denied: write_package")}},
                 {{push_token_of_otto, token("T")}});
    const Error error = error_of([&] { denied.pushing().prove_push(); });
    CHECK(error.fault() == Fault::denied);
    CHECK(contains(error.hint(), "Manage Actions access"));

    // A token service gives what one may have, and no error (spec/auth/token.md).
    Scene reader(
        {{post, challenge()}, {post, challenge(R"(,error="insufficient_scope",scope="repository:kong/x:pull,push")")}},
        {{push_token_of_otto, token("T")}});
    const Error weak = error_of([&] { reader.pushing().prove_push(); });
    reader.check();
    CHECK(weak.fault() == Fault::denied);
    CHECK(contains(weak.hint(), "/home/otto/.docker/config.json may not push to 127.0.0.1:"));
}

TEST_CASE("the upload that was opened as a proof is the next blob's, unless it has become old") {
    Scene scene(
        {{post, accepted("/u/1")}, {Put("/u/1").line, created}, {post, accepted("/u/2")}, {Put("/u/2").line, created}});
    Repository& repository = scene.pushing();
    repository.prove_push();
    repository.put_blob(blob, io::body_of(bytes));
    repository.put_blob(blob, io::body_of(bytes));
    scene.close();
    scene.check();

    Scene old({{post, accepted("/u/1")},
               {post, accepted("/u/2")},
               {Put("/u/2").line, created},
               {"DELETE /u/1", {.status = 204}}});
    Repository& slow = old.pushing();
    slow.prove_push();
    old.clock.advance(std::chrono::minutes(2));
    slow.put_blob(blob, io::body_of(bytes));
    old.close();
    old.check();
}

TEST_SUITE_END();

}  // namespace wasmx::registry
