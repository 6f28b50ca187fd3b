// SPDX-License-Identifier: Apache-2.0
#include "registry/error.hpp"
#include "registry/scene.hpp"

// A registry that lists a blob and cannot give it: after a garbage collection while it ran, or a disk that was full.

namespace wasmx::registry {

TEST_SUITE_BEGIN("registry");

namespace {

const std::string bytes(100'000, 'x');
const oci::Descriptor blob = blob_of(bytes);
const std::string post = "POST /v2/kong/x/blobs/uploads/";
const std::string head = "HEAD /v2/kong/x/blobs/" + blob.digest.str();
const std::string put = "?digest=" + blob.digest.str();
const test::Reply created{.status = 201};

test::Reply accepted(const std::string& location) { return {.status = 202, .headers = {{"Location", location}}}; }

// Headers of a blob, and none of its bytes.
const test::Reply hollow{.raw =
                             "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 99999-99999/100000\r\n"
                             "Content-Length: 1\r\n\r\n"};
const test::Reply shorter{.status = 206, .headers = {{"Content-Range", "bytes 0-0/50"}}, .body = "x"};

}  // namespace

TEST_CASE("a blob is there when its last byte is") {
    struct Row {
        test::Reply reply;
        bool is_there;
    };
    for (const Row& row : {
             Row{{.status = 206, .headers = {{"Content-Range", "bytes 99999-99999/100000"}}, .body = "x"}, true},
             Row{{.status = 206, .body = "x"}, true},
             Row{{.body = bytes}, true},  // it knows no ranges
             Row{{.status = 501}, false},
             Row{complaint(404, "BLOB_UNKNOWN"), false},
             Row{{.status = 416}, false},
             Row{hollow, false},
             Row{shorter, false},
             Row{{.body = "x"}, false},
             Row{complaint(403, "DENIED"), true},  // its word alone
             Row{{.status = 400}, true},
         }) {
        CAPTURE(row.reply.status);
        Scene scene({{head, {}}});
        scene.answer_last_bytes({row.reply});
        if (row.reply.status == 501) {
            CHECK_THROWS_AS(scene.pulling().has_blob(blob.digest, blob.size), Refused);
        } else {
            CHECK(scene.pulling().has_blob(blob.digest, blob.size) == row.is_there);
        }
        scene.check();
    }
    Scene once({{head, {}}});  // the answer was lost, and the blob was not
    once.answer_last_bytes({{.lost = true}, {.status = 206, .body = "x"}});
    CHECK(once.pulling().has_blob(blob.digest, blob.size));
}

TEST_CASE("a redirect of HEAD is not believed alone: where it leads has to have the blob") {
    test::HttpServer storage([](const test::Seen&) { return test::Reply{.status = 404}; });
    const test::Reply moved{.status = 307, .headers = {{"Location", storage.url() + "/b"}}};
    Scene scene({{head, moved}});
    scene.answer_last_bytes({moved});
    CHECK_FALSE(scene.pulling().has_blob(blob.digest, blob.size));
}

TEST_CASE("an upload that the registry takes and does not keep is made once more, and then it is a failure") {
    const test::Reply readable{.status = 206, .body = "x"};
    Scene lost(
        {{post, accepted("/u/1")}, {"PUT /u/1" + put, created}, {post, accepted("/u/2")}, {"PUT /u/2" + put, created}});
    lost.answer_last_bytes({{.status = 404}, {.status = 404}, {.status = 404}, {.status = 404}, readable});
    lost.pushing().put_blob(blob, io::body_of(bytes));
    lost.check();

    Scene late({{post, accepted("/u/1")}, {"PUT /u/1" + put, created}});
    late.answer_last_bytes({{.status = 404}, readable});
    late.pushing().put_blob(blob, io::body_of(bytes));
    late.check();

    Scene never(
        {{post, accepted("/u/1")}, {"PUT /u/1" + put, created}, {post, accepted("/u/2")}, {"PUT /u/2" + put, created}});
    never.answer_last_bytes({hollow});
    const Error error = error_of([&] { never.pushing().put_blob(blob, io::body_of(bytes)); });
    never.check();
    CHECK(error.fault() == Fault::integrity);
    CHECK(contains(error.message(), blob.digest.str()));
    CHECK_FALSE(error.hint().empty());
}

TEST_CASE("a mount that is said to be done and is not: the blob is uploaded") {
    Scene scene({{post + "?mount=" + blob.digest.str() + "&from=kong%2Fbase", created}});
    scene.answer_last_bytes({{.status = 404}});
    CHECK_FALSE(scene.pushing().mount_blob(blob.digest, "kong/base", blob.size));
    scene.check();
}

TEST_CASE("the tag is read back, and not the manifest's digest alone") {
    const std::string text = R"({"schemaVersion":2})";
    const std::string tag = "/v2/kong/x/manifests/1";
    const std::string by_digest = "GET /v2/kong/x/manifests/" + io::sha256(text).str();
    const auto push = [&](Scene& scene) {
        return scene.pushing().put_manifest("1", text, std::string(oci::media_type::oci_manifest));
    };
    const auto steps = [&](const test::Reply& at_tag, const test::Reply& at_digest) {
        std::vector<Scene::Step> out{{"PUT " + tag, created}};
        for (int i = 0; i < 5; ++i) out.push_back({"GET " + tag, at_tag});
        out.push_back({by_digest, at_digest});
        return out;
    };
    Scene overtaken(steps({.body = R"({"schemaVersion":2,"other":1})"}, {.body = text}));
    CHECK(push(overtaken) == io::sha256(text));
    overtaken.check();
    REQUIRE(overtaken.warnings.size() == 1);
    CHECK(contains(overtaken.warnings[0], "the tag 1 is "));

    Scene untagged(steps({.status = 404}, {.body = text}));
    CHECK(contains(error_of([&] { push(untagged); }).message(), "has no tag 1"));
    untagged.check();

    Scene unreadable({{"PUT " + tag, created}, {"GET " + tag, complaint(403, "DENIED")}});
    CHECK(push(unreadable) == io::sha256(text));
    REQUIRE(unreadable.warnings.size() == 1);
    CHECK(contains(unreadable.warnings[0], "cannot be read back with this login"));
}

TEST_CASE("what a manifest lacks is named with its digest, wherever the registry says it") {
    const std::string body =
        R"({"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown","detail":{"digest":")" +
        blob.digest.str() + R"("}}]})";
    std::vector<Scene::Step> steps;
    for (int i = 0; i < 4; ++i) steps.push_back({"PUT /v2/kong/x/manifests/1", {.status = 404, .body = body}});
    steps.push_back({"GET /v2/kong/x/manifests/1", {.status = 404}});
    Scene scene(steps);
    const Error error =
        error_of([&] { scene.pushing().put_manifest("1", "{}", std::string(oci::media_type::oci_manifest)); });
    scene.check();
    CHECK(contains(error.message(), "blob unknown (" + blob.digest.str() + ")"));
}

TEST_CASE("who may push and not look, as docker has it: what nobody says is there is sent") {
    const std::string get = "GET /v2/kong/x/blobs/" + blob.digest.str();
    Scene scene({{post, accepted("/u/1")}, {head, {.status = 403}}, {get, complaint(403, "DENIED")}});
    Repository& repository = scene.pushing();
    repository.prove_push();
    CHECK_FALSE(repository.has_blob(blob.digest, blob.size));
}

TEST_SUITE_END();

}  // namespace wasmx::registry
