// SPDX-License-Identifier: Apache-2.0
#include <latch>
#include <thread>

#include "registry/scene.hpp"
#include "support/folder.hpp"

namespace wasmx::registry {

TEST_SUITE_BEGIN("registry");

namespace {

const std::string manifest = R"({"schemaVersion":2})";
const std::string get_tag = "GET /v2/kong/x/manifests/1";
const test::Reply found{.headers = {{"Content-Type", "application/vnd.oci.image.index.v1+json; charset=utf-8"}},
                        .body = manifest};

}  // namespace

TEST_CASE("a public manifest: challenge, anonymous token for our own scope, and the token is kept") {
    Scene scene({{get_tag, challenge(R"(,scope="repository:user/image:pull")")}, {get_tag, found}, {get_tag, found}},
                {{pull_token, token("T")}});
    Repository& repository = scene.pulling();
    const auto got = repository.find_manifest("1");
    REQUIRE(got);
    CHECK(got->bytes == manifest);
    CHECK(got->media_type == "application/vnd.oci.image.index.v1+json");
    CHECK(got->digest == io::sha256(manifest));
    CHECK(repository.find_manifest("1"));
    scene.check();
    CHECK(scene.registry.seen()[0].header("authorization").empty());
    CHECK(scene.seen()[0].header("authorization").empty());
    CHECK(scene.seen()[1].header("authorization") == "Bearer T");
    CHECK(scene.seen()[2].header("authorization") == "Bearer T");
    CHECK(scene.tokens.seen()[0].header("authorization").empty());
    for (const auto* type : {"oci.image.index.v1", "oci.image.manifest.v1", "manifest.list.v2", "manifest.v2"})
        CHECK(contains(scene.seen()[0].header("accept"), type));
}

TEST_CASE("the password goes to the token service alone") {
    Scene scene({{get_tag, challenge()}, {get_tag, found}}, {{pull_token + "&account=otto", token("T")}});
    CHECK(scene.pulling(otto()).find_manifest("1"));
    scene.check();
    CHECK(scene.tokens.seen()[0].header("authorization") == "Basic b3R0bzpzM2NyZXQ=");
    CHECK(scene.seen()[1].header("authorization") == "Bearer T");
}

TEST_CASE("basic, where there is no bearer") {
    const test::Reply wanted{
        .status = 401, .headers = {{"WWW-Authenticate", "Negotiate"}, {"WWW-Authenticate", R"(Basic realm="r")"}}};
    Scene good({{get_tag, wanted}, {get_tag, found}, {get_tag, found}});
    Repository& repository = good.pulling(otto());
    CHECK(repository.find_manifest("1"));
    CHECK(repository.find_manifest("1"));
    good.check();
    CHECK(good.seen()[1].header("authorization") == "Basic b3R0bzpzM2NyZXQ=");

    Scene bad({{get_tag, wanted}, {get_tag, wanted}, {get_tag, wanted}});
    const Error error = error_of([&] { bad.pulling(otto()).find_manifest("1"); });
    bad.check();
    CHECK(bad.seen()[2].headers.count("authorization") == 0);
    CHECK(error.fault() == Fault::denied);
    CHECK(contains(error.hint(), "/home/otto/.docker/config.json"));
}

TEST_CASE("a token that is refused is renewed once, and then it is over") {
    Scene scene(
        {{get_tag, challenge()}, {get_tag, found}, {get_tag, challenge(R"(,error="invalid_token")")}, {get_tag, found}},
        {{pull_token, token("old")}, {pull_token, token("new")}});
    Repository& repository = scene.pulling();
    CHECK(repository.find_manifest("1"));
    CHECK(repository.find_manifest("1"));
    scene.check();
    CHECK(scene.seen()[3].header("authorization") == "Bearer new");

    Scene stubborn({{get_tag, challenge()}, {get_tag, challenge()}}, {{pull_token, token("T")}});
    CHECK(error_of([&] { stubborn.pulling().find_manifest("1"); }).fault() == Fault::denied);
    stubborn.check();
}

TEST_CASE("a token is renewed before it expires") {
    Scene scene({{get_tag, challenge()}, {get_tag, found}, {get_tag, found}, {get_tag, found}},
                {{pull_token, token("old", 300)}, {pull_token, token("new", 300)}});
    Repository& repository = scene.pulling();
    CHECK(repository.find_manifest("1"));
    scene.clock.advance(std::chrono::seconds(239));
    CHECK(repository.find_manifest("1"));
    scene.clock.advance(std::chrono::seconds(2));
    CHECK(repository.find_manifest("1"));
    scene.check();
    CHECK(scene.seen()[2].header("authorization") == "Bearer old");
    CHECK(scene.seen()[3].header("authorization") == "Bearer new");
}

TEST_CASE("before a long request a token has most of its life left") {
    const std::string post = "POST /v2/kong/x/blobs/uploads/";
    const std::string bytes(2 << 20, 'b');
    const test::Reply opened{.status = 202, .headers = {{"Location", "/u/1"}}};
    for (const bool long_body : {true, false}) {
        CAPTURE(long_body);
        const std::string sent = long_body ? bytes : "short";
        const std::string line = "PUT /u/1?digest=" + blob_of(sent).digest.str();
        std::vector<Scene::Step> tokens{{push_token_of_otto, token("old", 300)}};
        if (long_body) tokens.push_back({push_token_of_otto, token("new", 300)});
        Scene scene({{get_tag, challenge()}, {get_tag, found}, {post, opened}, {line, {.status = 201}}}, tokens);
        Repository& repository = scene.pushing();
        CHECK(repository.find_manifest("1"));
        scene.clock.advance(std::chrono::seconds(100));
        repository.put_blob(blob_of(sent), io::body_of(sent));
        scene.check();
        CHECK(scene.seen()[2].header("authorization") == "Bearer old");
        CHECK(scene.seen()[3].header("authorization") == (long_body ? "Bearer new" : "Bearer old"));
    }
}

TEST_CASE("tokens that live for seconds are renewed for each request, and no more") {
    std::vector<Scene::Step> requests{{get_tag, challenge()}};
    std::vector<Scene::Step> tokens;
    for (int i = 0; i < 5; ++i) {
        requests.push_back({get_tag, found});
        tokens.push_back({pull_token, token("T" + std::to_string(i), 4)});
    }
    Scene scene(requests, tokens);
    Repository& repository = scene.pulling();
    for (int i = 0; i < 5; ++i) {
        CHECK(repository.find_manifest("1"));
        scene.clock.advance(std::chrono::seconds(5));
    }
    scene.check();
    CHECK(scene.seen()[5].header("authorization") == "Bearer T4");
}

TEST_CASE("a token that still lives is used while its service is busy") {
    Scene scene({{get_tag, challenge()}, {get_tag, found}, {get_tag, found}, {get_tag, found}},
                {{pull_token, token("old", 300)},
                 {pull_token, {.status = 503}},
                 {pull_token, {.status = 503}},
                 {pull_token, token("new", 300)}});
    Repository& repository = scene.pulling();
    CHECK(repository.find_manifest("1"));
    scene.clock.advance(std::chrono::seconds(250));
    CHECK(repository.find_manifest("1"));
    scene.clock.advance(std::chrono::seconds(51));
    CHECK(repository.find_manifest("1"));
    scene.check();
    CHECK(scene.seen()[2].header("authorization") == "Bearer old");
    CHECK(scene.seen()[3].header("authorization") == "Bearer new");
}

TEST_CASE("a scope that turns out to be missing is added, once") {
    const auto wants = challenge(R"(,error="insufficient_scope",scope="repository:kong/base:pull")");
    const std::string both = pull_token + "&scope=repository%3Akong%2Fbase%3Apull";
    Scene scene({{get_tag, challenge()}, {get_tag, wants}, {get_tag, found}},
                {{pull_token, token("1")}, {both, token("2")}});
    CHECK(scene.pulling().find_manifest("1"));
    scene.check();

    const auto same = challenge(R"(,error="insufficient_scope",scope="repository:kong/x:pull")");
    Scene denied({{get_tag, challenge()}, {get_tag, same}}, {{pull_token, token("1")}});
    CHECK(error_of([&] { denied.pulling().find_manifest("1"); }).fault() == Fault::denied);
    denied.check();
}

TEST_CASE("credentials are not sent to a realm on another host, which docker does; a pull goes on without them") {
    const test::Variable no_proxy("NO_PROXY", "*");
    test::Reply elsewhere{.status = 401,
                          .headers = {{"WWW-Authenticate", R"(Bearer realm="https://evil.invalid/token")"}}};
    Scene push({{"POST /v2/kong/x/blobs/uploads/", elsewhere}});
    const Error error = error_of([&] { push.pushing().prove_push(); });
    push.check();
    CHECK(error.fault() == Fault::denied);
    CHECK(contains(error.message(), "evil.invalid"));
    CHECK(contains(error.message(), "127.0.0.1"));
    CHECK(contains(error.hint(), "export WASMX_TRUST_TOKEN_SERVICE=" + push.registry.host() + "=evil.invalid"));

    std::vector<Scene::Step> steps;
    for (int i = 0; i < 3; ++i) steps.push_back({get_tag, elsewhere});
    Scene pull(steps);
    const Error unknown = error_of([&] { pull.pulling(otto()).find_manifest("1"); });
    CAPTURE(unknown.message());
    CHECK(unknown.fault() == Fault::unavailable);  // it was asked, and nobody is there
    REQUIRE(pull.warnings.size() >= 1);
    CHECK(contains(pull.warnings[0], "are not sent to evil.invalid"));
    CHECK(contains(pull.warnings[0], "WASMX_TRUST_TOKEN_SERVICE"));
}

TEST_CASE("a token service sends us on to another path of its own, and docker goes there") {
    const std::string moved = "/token/?service=r&scope=repository%3Akong%2Fx%3Apull&account=otto";
    Scene scene({{get_tag, challenge()}, {get_tag, {.body = "{}"}}},
                {{pull_token + "&account=otto", {.status = 301, .headers = {{"Location", moved}}}},
                 {"GET " + moved, token("T")}});
    CHECK(scene.pulling(otto()).find_manifest("1"));
    scene.check();
    CHECK(scene.tokens.seen()[1].headers.count("authorization") == 1);
}

TEST_CASE("a token service does not send us on") {
    Scene scene({{get_tag, challenge()}}, {{pull_token + "&account=otto",
                                            {.status = 302, .headers = {{"Location", "http://127.0.0.1:1/token"}}}}});
    const Error error = error_of([&] { scene.pulling(otto()).find_manifest("1"); });
    scene.check();
    CHECK(contains(error.message(), "302"));
    CHECK(contains(error.hint(), "redirect"));
}

TEST_CASE("credentials that went stale do not hide what is public") {
    Scene scene({{get_tag, challenge()}, {get_tag, found}},
                {{pull_token + "&account=otto", complaint(403, "DENIED", "denied")}, {pull_token, token("anonymous")}});
    CHECK(scene.pulling(otto()).find_manifest("1"));
    scene.check();
    REQUIRE(scene.warnings.size() == 1);
    CHECK(contains(scene.warnings[0], "/home/otto/.docker/config.json"));
    CHECK(contains(scene.warnings[0], "docker login"));
    CHECK_FALSE(contains(scene.warnings[0], secret_word));
    CHECK(scene.tokens.seen()[1].header("authorization").empty());

    Scene secret({{get_tag, challenge()}}, {{pull_token + "&account=otto", complaint(401, "UNAUTHORIZED")},
                                            {pull_token, complaint(403, "DENIED")}});
    const Error error = error_of([&] { secret.pulling(otto()).find_manifest("1"); });
    CHECK(error.fault() == Fault::denied);
    CHECK(contains(error.hint(), "private or does not exist"));
    CHECK(contains(error.hint(), "were refused"));
}

TEST_CASE("credentials that the registry itself refuses do not hide what is public either") {
    // ghcr.io: a token that SAML has not authorised; a login without the scope.
    for (const test::Reply& no : {complaint(403, "DENIED", "organization SAML enforcement"),
                                  challenge(R"(,error="insufficient_scope",scope="repository:kong/x:pull")")}) {
        CAPTURE(no.status);
        Scene scene({{get_tag, challenge()}, {get_tag, no}, {get_tag, found}, {get_tag, found}},
                    {{pull_token + "&account=otto", token("T")}, {pull_token, token("anybody")}});
        Repository& repository = scene.pulling(otto());
        CHECK(repository.find_manifest("1"));
        CHECK(repository.find_manifest("1"));
        scene.check();
        CHECK(scene.seen()[3].header("authorization") == "Bearer anybody");
        REQUIRE(scene.warnings.size() == 1);
        CHECK(contains(scene.warnings[0], "/home/otto/.docker/config.json"));
        CHECK_FALSE(contains(scene.warnings[0], secret_word));
    }

    Scene hidden({{get_tag, challenge()}, {get_tag, complaint(403, "DENIED")}, {get_tag, complaint(403, "DENIED")}},
                 {{pull_token + "&account=otto", token("T")}, {pull_token, token("anybody")}});
    const Error error = error_of([&] { hidden.pulling(otto()).find_manifest("1"); });
    hidden.check();
    CHECK(contains(error.hint(), "is private or does not exist, and the credentials from /home/otto"));

    // What the registry said of the login is what helps.
    Scene unauthorised({{get_tag, challenge()}, {get_tag, complaint(403, "DENIED", "organization SAML enforcement")}},
                       {{pull_token + "&account=otto", token("T")}, {pull_token, complaint(403, "DENIED")}});
    const Error saml = error_of([&] { unauthorised.pulling(otto()).find_manifest("1"); });
    unauthorised.check();
    CHECK(contains(saml.hint(), "Configure SSO"));

    Scene pushed({{get_tag, challenge()}, {get_tag, complaint(403, "DENIED")}}, {{push_token_of_otto, token("T")}});
    CHECK(error_of([&] { pushed.pushing().find_manifest("1"); }).fault() == Fault::denied);
    pushed.check();
}

TEST_CASE("a limit of how often one may ask says nothing of the credentials") {
    const test::Reply slower{.status = 403, .body = R"({"message":"You have exceeded a secondary rate limit"})"};
    Scene registry({{get_tag, challenge()}, {get_tag, slower}, {get_tag, found}},
                   {{pull_token + "&account=otto", token("T")}});
    CHECK(registry.pulling(otto()).find_manifest("1"));
    registry.check();
    CHECK(registry.clock.waits().size() == 1);

    Scene tokens({{get_tag, challenge()}, {get_tag, challenge()}, {get_tag, found}},
                 {{pull_token + "&account=otto", slower}, {pull_token + "&account=otto", token("T")}});
    CHECK(tokens.pulling(otto()).find_manifest("1"));
    tokens.check();
    for (const std::string& warning : tokens.warnings) CHECK_FALSE(contains(warning, "passed over"));
}

TEST_CASE("credentials that cannot be had do not hide what is public; for a push they are needed") {
    test::Script script({{"GET /v2/", {.status = 401}}, {get_tag, found}});
    const auto broken = []() -> std::optional<credentials::Credential> {
        throw Error(Fault::config, "docker-credential-x is not installed");
    };
    std::vector<std::string> warnings;
    test::HttpServer tokens([](const test::Seen&) { return token("anybody"); });
    test::HttpServer server([&](const test::Seen& seen) -> test::Reply {
        if (seen.target == "/v2/" || seen.headers.count("authorization") == 0)
            return {.status = 401,
                    .headers = {{"WWW-Authenticate", "Bearer realm=\"" + tokens.url() + "/token\",service=r"}}};
        return found;
    });
    io::HttpClient http({}, "unit-test");
    const auto name = oci::Reference::parse(server.host() + "/kong/x");
    Repository pulling(http, name,
                       {.credential = broken, .warn = [&](const std::string& line) { warnings.push_back(line); }});
    CHECK(pulling.find_manifest("1"));
    REQUIRE(warnings.size() == 1);
    CHECK(contains(warnings[0], "docker-credential-x is not installed"));
    Repository pushing(http, name, {.access = Access::push, .credential = broken});
    CHECK(error_of([&] { pushing.find_manifest("1"); }).fault() == Fault::config);
}

TEST_CASE("a 401 without a challenge: a new token, once") {
    Scene scene({{get_tag, challenge()}, {get_tag, found}, {get_tag, {.status = 401}}, {get_tag, found}},
                {{pull_token, token("old")}, {pull_token, token("new")}});
    Repository& repository = scene.pulling();
    CHECK(repository.find_manifest("1"));
    CHECK(repository.find_manifest("1"));
    scene.check();
    Scene stubborn({{get_tag, challenge()}, {get_tag, {.status = 401}}, {get_tag, {.status = 401}}},
                   {{pull_token, token("old")}, {pull_token, token("new")}});
    CHECK(error_of([&] { stubborn.pulling().find_manifest("1"); }).fault() == Fault::denied);
}

TEST_CASE("pushing does not go on without credentials") {
    const std::string post = "POST /v2/kong/x/blobs/uploads/";
    Scene stale({{post, challenge()}}, {{push_token_of_otto, complaint(401, "UNAUTHORIZED", "wrong password")}});
    const Error refused = error_of([&] { stale.pushing().prove_push(); });
    stale.check();
    CHECK(refused.fault() == Fault::denied);
    CHECK(contains(refused.message(), "wrong password"));
    CHECK(contains(refused.hint(), "/home/otto/.docker/config.json"));

    Scene nobody({{post, challenge()}});
    const Error missing = error_of([&] { nobody.pushing(std::nullopt).prove_push(); });
    nobody.check();
    CHECK(missing.fault() == Fault::denied);
    CHECK(contains(missing.hint(), "docker login 127.0.0.1:"));
}

TEST_CASE("identity tokens are changed by POST, and replaced by their successor") {
    credentials::Credential credential;
    credential.identity_token = Secret("first");
    test::Reply with_successor{.body = R"({"access_token":"T1","refresh_token":"second"})"};
    Scene scene({{get_tag, challenge()}, {get_tag, found}, {get_tag, found}},
                {{"POST /token", with_successor}, {"POST /token", token("T2")}});
    Repository& repository = scene.pulling(credential);
    CHECK(repository.find_manifest("1"));
    scene.clock.advance(std::chrono::seconds(61));
    CHECK(repository.find_manifest("1"));
    scene.check();
    CHECK(contains(scene.tokens.seen()[0].body, "refresh_token=first"));
    CHECK(contains(scene.tokens.seen()[1].body, "refresh_token=second"));
    CHECK(scene.tokens.seen()[0].header("content-type") == "application/x-www-form-urlencoded");
}

TEST_CASE("a token service without POST takes the identity token as a password") {
    credentials::Credential credential;
    credential.username = "otto";
    credential.identity_token = Secret(secret_word);
    Scene scene({{get_tag, challenge()}, {get_tag, found}},
                {{"POST /token", {.status = 404}}, {pull_token + "&account=otto", token("T")}});
    CHECK(scene.pulling(credential).find_manifest("1"));
    scene.check();
}

TEST_CASE("a registry token is sent as it is") {
    credentials::Credential credential;
    credential.registry_token = Secret("R");
    Scene scene({{get_tag, challenge()}, {get_tag, found}});
    CHECK(scene.pulling(credential).find_manifest("1"));
    scene.check();
    CHECK(scene.seen()[1].header("authorization") == "Bearer R");

    Scene refused({{"POST /v2/kong/x/blobs/uploads/", challenge()}, {"POST /v2/kong/x/blobs/uploads/", challenge()}});
    CHECK(error_of([&] { refused.pushing(credential).prove_push(); }).fault() == Fault::denied);
    refused.check();
}

TEST_CASE("a busy token service is asked again") {
    Scene scene(
        {{get_tag, challenge()}, {get_tag, challenge()}, {get_tag, challenge()}, {get_tag, found}},
        {{pull_token, {.status = 503}}, {pull_token, {.body = "{...", .drop_reply_at = 2}}, {pull_token, token("T")}});
    CHECK(scene.pulling().find_manifest("1"));
    scene.check();
    CHECK(scene.clock.waits().size() == 2);
}

TEST_CASE("workers share one token") {
    std::atomic<int> tokens_given{0};
    test::HttpServer tokens([&](const test::Seen&) {
        ++tokens_given;
        return token("T");
    });
    test::HttpServer registry([&](const test::Seen& seen) -> test::Reply {
        if (seen.header("authorization") == "Bearer T") return found;
        return {.status = 401, .headers = {{"WWW-Authenticate", "Bearer realm=\"" + tokens.url() + "/token\""}}};
    });
    io::HttpClient http({}, "unit-test");
    Repository repository(http, oci::Reference::parse(registry.host() + "/kong/x"), {});
    constexpr int count = 8;
    std::latch together(count);
    std::atomic<int> good{0};
    std::vector<std::thread> workers;
    for (int i = 0; i < count; ++i) {
        workers.emplace_back([&] {
            together.arrive_and_wait();
            if (repository.find_manifest("1")) ++good;
        });
    }
    for (std::thread& worker : workers) worker.join();
    CHECK(good == count);
    CHECK(tokens_given == 1);
}

TEST_SUITE_END();

}  // namespace wasmx::registry
