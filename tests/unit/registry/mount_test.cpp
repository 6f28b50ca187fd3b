// SPDX-License-Identifier: Apache-2.0
#include "registry/scene.hpp"

namespace wasmx::registry {

TEST_SUITE_BEGIN("registry");

namespace {

const std::string bytes = "layer";
const oci::Descriptor blob = blob_of(bytes);
const std::string post = "POST /v2/kong/x/blobs/uploads/";
const std::string mount = post + "?mount=" + blob.digest.str() + "&from=kong%2Fbase";
const std::string head = "HEAD /v2/kong/x/blobs/" + blob.digest.str();
const std::string put = "PUT /u/1?digest=" + blob.digest.str();
const test::Reply opened{.status = 202, .headers = {{"Location", "/u/1"}}};
const test::Reply created{.status = 201};
const std::string wider_token =
    "GET /token?service=r&scope=repository%3Akong%2Fx%3Apull%2Cpush&scope=repository%3Akong%2Fbase%3Apull&account=otto";

}  // namespace

TEST_CASE("a blob is taken over from another repository, with a token for both") {
    Scene scene({{head, challenge()}, {head, {.status = 404}}, {mount, created}},
                {{push_token_of_otto, token("T")}, {wider_token, token("W")}});
    Repository& repository = scene.pushing();
    CHECK_FALSE(repository.has_blob(blob.digest));
    CHECK(repository.mount_blob(blob.digest, "kong/base"));
    scene.check();
    CHECK(scene.seen()[2].header("authorization") == "Bearer W");
}

TEST_CASE("a mount that opens an upload: that one is used") {
    Scene scene({{mount, opened}, {put, created}});
    Repository& repository = scene.pushing();
    CHECK_FALSE(repository.mount_blob(blob.digest, "kong/base"));
    repository.put_blob(blob, io::body_of(bytes));
    scene.check();
}

TEST_CASE("an upload that a mount opened and nobody used is cancelled") {
    test::Script script({{"GET /v2/", {}}, {mount, opened}, {"DELETE /u/1", {.status = 204}}});
    test::HttpServer server([&](const test::Seen& seen) { return script(seen); });
    io::HttpClient http({}, "unit-test");
    {
        Repository repository(http, oci::Reference::parse(server.host() + "/kong/x"), {});
        CHECK_FALSE(repository.mount_blob(blob.digest, "kong/base"));
    }
    CHECK(script.verdict() == "");
}

TEST_CASE("a mount that fails is no failure") {
    for (const test::Reply& reply :
         {test::Reply{.status = 401}, complaint(403, "DENIED"), complaint(404, "BLOB_UNKNOWN"),
          complaint(405, "UNSUPPORTED"), test::Reply{.status = 500}, test::Reply{.status = 202}}) {
        CAPTURE(reply.status);
        Scene scene({{mount, reply}, {post, opened}, {put, created}});
        Repository& repository = scene.pushing();
        CHECK_FALSE(repository.mount_blob(blob.digest, "kong/base"));
        repository.put_blob(blob, io::body_of(bytes));
        scene.check();
        CHECK(scene.clock.waits().empty());
    }
    // The upload that comes then waits as the mount was asked to.
    Scene busy({{mount, {.status = 429, .headers = {{"Retry-After", "7"}}}}, {post, opened}, {put, created}});
    Repository& repository = busy.pushing();
    CHECK_FALSE(repository.mount_blob(blob.digest, "kong/base"));
    repository.put_blob(blob, io::body_of(bytes));
    busy.check();
    CHECK(busy.clock.waits() == std::vector<milliseconds>{std::chrono::seconds(7)});
}

TEST_CASE("the right to the other repository is refused, and ours stays") {
    Scene scene(
        {{head, challenge()}, {head, {.status = 404}}, {mount, {.status = 403}}, {post, opened}, {put, created}},
        {{push_token_of_otto, token("T")}, {wider_token, complaint(403, "DENIED")}, {push_token_of_otto, token("U")}});
    Repository& repository = scene.pushing();
    CHECK_FALSE(repository.has_blob(blob.digest));
    CHECK_FALSE(repository.mount_blob(blob.digest, "kong/base"));
    repository.put_blob(blob, io::body_of(bytes));
    scene.check();
    CHECK(scene.seen()[4].header("authorization") == "Bearer U");
}

TEST_SUITE_END();

}  // namespace wasmx::registry
