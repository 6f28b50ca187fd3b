// SPDX-License-Identifier: Apache-2.0
#include "registry/scene.hpp"

// Registries that ask for a login at GET /v2/ alone, and hide what is private behind a 404 from whoever has none.

namespace wasmx::registry {

TEST_SUITE_BEGIN("registry");

namespace {

const std::string manifest = R"({"schemaVersion":2})";
const std::string get_tag = "GET /v2/kong/x/manifests/1";
const std::string pull_token_of_otto = pull_token + "&account=otto";
const std::string bytes = "layer";
const oci::Descriptor blob = blob_of(bytes);
const std::string post = "POST /v2/kong/x/blobs/uploads/";
const std::string head = "HEAD /v2/kong/x/blobs/" + blob.digest.str();
const test::Reply found{.body = manifest};
const test::Reply absent{.status = 404};
const test::Reply opened{.status = 202, .headers = {{"Location", "/u/1"}}};

/// As ghcr.io greets: with a scope that is nobody's.
test::Reply greeting() { return challenge(R"(,scope="repository:user/image:pull")"); }

}  // namespace

TEST_CASE("404 without a login: the login is used, although nothing but the greeting asked for it") {
    Scene scene({{get_tag, absent}, {get_tag, found}, {get_tag, found}}, {{pull_token_of_otto, token("T")}},
                greeting());
    Repository& repository = scene.pulling(otto());
    CHECK(repository.find_manifest("1"));
    CHECK(repository.find_manifest("1"));
    scene.check();
    CHECK(scene.greetings() == 2);
    CHECK(scene.seen()[0].header("authorization").empty());
    CHECK(scene.seen()[1].header("authorization") == "Bearer T");

    Scene away({{get_tag, absent}, {get_tag, absent}}, {{pull_token_of_otto, token("T")}}, greeting());
    CHECK_FALSE(away.pulling(otto()).find_manifest("1"));
    away.check();
}

TEST_CASE("401 and 403 that do not say how: neither") {
    for (const test::Reply& reply : {test::Reply{.status = 401}, complaint(403, "DENIED"),
                                     test::Reply{.status = 401, .headers = {{"WWW-Authenticate", "Negotiate"}}}}) {
        CAPTURE(reply.status);
        Scene scene({{get_tag, reply}, {get_tag, found}}, {{pull_token_of_otto, token("T")}}, greeting());
        CHECK(scene.pulling(otto()).find_manifest("1"));
        scene.check();
        CHECK(scene.warnings.empty());
    }
}

TEST_CASE("everything that is hidden from a push") {
    const std::vector<Scene::Step> tokens{{push_token_of_otto, token("T")}};
    Scene blobs({{head, absent}, {head, {}}}, tokens, greeting());
    CHECK(blobs.pushing().has_blob(blob.digest));
    blobs.check();

    Scene uploads({{post, absent}, {post, opened}, {"DELETE /u/1", {.status = 204}}}, tokens, greeting());
    uploads.pushing().prove_push();
    uploads.close();
    uploads.check();

    const std::string put = "PUT /u/1?digest=" + blob.digest.str();
    Scene bodies({{post, opened}, {put, absent}, {put, {.status = 201}}}, tokens, greeting());
    bodies.pushing().put_blob(blob, io::body_of(bytes));
    bodies.check();
    CHECK(bodies.seen()[2].body == bytes);
}

TEST_CASE("basic, where the greeting asks for that") {
    const test::Reply basic{.status = 401, .headers = {{"WWW-Authenticate", R"(Basic realm="r")"}}};
    Scene scene({{get_tag, absent}, {get_tag, found}}, {}, basic);
    CHECK(scene.pulling(otto()).find_manifest("1"));
    scene.check();
    CHECK(scene.seen()[1].header("authorization") == "Basic b3R0bzpzM2NyZXQ=");
}

TEST_CASE("a registry that asks nobody gets no password, and is asked once") {
    for (const test::Reply& open : {test::Reply{.status = 200}, test::Reply{.status = 401}}) {
        CAPTURE(open.status);
        Scene scene({{get_tag, absent}, {get_tag, absent}, {head, absent}}, {}, open);
        Repository& repository = scene.pushing();
        CHECK_FALSE(repository.find_manifest("1"));
        CHECK_FALSE(repository.find_manifest("1"));
        CHECK_FALSE(repository.has_blob(blob.digest));
        scene.check();
        CHECK(scene.greetings() == 2);
        for (const auto& seen : scene.seen()) CHECK(seen.headers.count("authorization") == 0);
    }
}

TEST_CASE("without credentials nothing more is asked") {
    for (const Access access : {Access::pull, Access::push}) {
        Scene scene({{get_tag, absent}}, {}, greeting());
        Repository& repository = access == Access::pull ? scene.pulling() : scene.pushing(std::nullopt);
        CHECK_FALSE(repository.find_manifest("1"));
        scene.check();
        CHECK(scene.greetings() == 1);
    }
}

TEST_CASE("a login that is refused finds nothing absent") {
    // By the token service.
    Scene stale({{get_tag, absent}, {get_tag, absent}},
                {{pull_token_of_otto, complaint(401, "UNAUTHORIZED")}, {pull_token, token("anybody")}}, greeting());
    const Error by_service = error_of([&] { stale.pulling(otto()).find_manifest("1"); });
    stale.check();
    CHECK(by_service.fault() == Fault::denied);
    CHECK(contains(by_service.message(), "404"));
    CHECK(contains(by_service.hint(), "is private or does not exist, and the credentials from /home/otto"));

    // By the registry; what it said then is what helps.
    Scene denied({{get_tag, challenge()}, {get_tag, complaint(403, "DENIED", "SAML enforcement")}, {get_tag, absent}},
                 {{pull_token_of_otto, token("T")}, {pull_token, token("anybody")}});
    const Error by_registry = error_of([&] { denied.pulling(otto()).find_manifest("1"); });
    denied.check();
    CHECK(by_registry.fault() == Fault::denied);
    CHECK(contains(by_registry.message(), "SAML"));
    CHECK(contains(by_registry.hint(), "were refused"));

    Scene basic({{get_tag, absent}, {get_tag, {.status = 401}}, {get_tag, absent}, {get_tag, absent}}, {},
                {.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=r"}}});
    Repository& repository = basic.pulling(otto());
    CHECK(error_of([&] { repository.find_manifest("1"); }).fault() == Fault::denied);
    CHECK(error_of([&] { repository.find_manifest("1"); }).fault() == Fault::denied);
    basic.check();
}

TEST_CASE("a greeting that does not come leaves the 404 unbelieved") {
    int greetings = 0;
    test::HttpServer tokens([](const test::Seen&) { return token("T"); });
    test::HttpServer registry([&](const test::Seen& seen) -> test::Reply {
        const test::Reply asks{.status = 401,
                               .headers = {{"WWW-Authenticate", "Bearer realm=\"" + tokens.url() + "/token\""}}};
        if (seen.target == "/v2/") return ++greetings == 2 ? test::Reply{.status = 503} : asks;
        return seen.header("authorization") == "Bearer T" ? found : absent;
    });
    io::HttpClient http({}, "unit-test");
    FakeClock clock;
    Repository repository(http, oci::Reference::parse(registry.host() + "/kong/x"),
                          {.credential = [] { return otto(); }, .clock = &clock});
    CHECK(repository.find_manifest("1"));
    CHECK(greetings == 3);
    CHECK(clock.waits().size() == 1);
}

TEST_CASE("credentials that cannot be had matter where the registry asks for some") {
    for (const bool asks : {true, false}) {
        CAPTURE(asks);
        test::HttpServer registry([&](const test::Seen& seen) -> test::Reply {
            if (seen.target != "/v2/") return absent;
            if (!asks) return {};
            return {.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=r"}}};
        });
        io::HttpClient http({}, "unit-test");
        const auto broken = []() -> std::optional<credentials::Credential> {
            throw Error(Fault::config, "docker-credential-x is not installed");
        };
        Repository repository(http, oci::Reference::parse(registry.host() + "/kong/x"),
                              {.access = Access::push, .credential = broken});
        if (asks)
            CHECK(error_of([&] { repository.find_manifest("1"); }).fault() == Fault::config);
        else
            CHECK_FALSE(repository.find_manifest("1"));
    }
}

TEST_CASE("what a storage does not have the registry may have") {
    test::HttpServer storage([](const test::Seen&) { return absent; });
    Scene scene({{get_tag, {.status = 307, .headers = {{"Location", storage.url() + "/m"}}}}});
    CHECK(error_of([&] { scene.pulling().find_manifest("1"); }).fault() == Fault::unavailable);
    scene.check();
}

TEST_CASE("the right to push is proved once") {
    Scene scene({{post, opened}, {"DELETE /u/1", {.status = 204}}});
    Repository& repository = scene.pushing();
    repository.prove_push();
    repository.prove_push();
    scene.close();
    scene.check();
}

TEST_SUITE_END();

}  // namespace wasmx::registry
