// SPDX-License-Identifier: Apache-2.0
#include "doctor/stage.hpp"
#include "support/http_server.hpp"

namespace wasmx::doctor {

TEST_SUITE_BEGIN("doctor");

namespace {

using test::Reply;
using test::Seen;

credentials::Credential otto() {
    credentials::Credential out;
    out.username = "otto";
    out.password = Secret("s3cret");
    out.origin = "/home/otto/.docker/config.json";
    return out;
}

/// What the check says of a tag in a registry that speaks so; `greeting` is what GET /v2/ was answered with.
Result tag_check(const test::HttpServer& registry, int greeting, Request::Touch touch = Request::Touch::yes) {
    const test::Folder folder;
    folder.write("Makefile", "V8 ?= 1.2.3\n");
    Request request;
    request.tag = oci::Reference::parse(registry.host() + "/kong/x:1");
    request.touch = touch;
    Stage stage(std::move(request));
    stage.scene.greeting.set({.origin = registry.url(), .status = greeting, .clock_ahead = {}});
    stage.scene.credential.set(otto());
    stage.scene.platform.set(oci::Platform::parse("linux/arm64"));
    stage.scene.version.set({.text = "1.2.3", .origin = "--runtime-version"});
    stage.scene.tree.set(source::open({.location = folder.path().string(), .ref = {}}, stage.progress, {}));
    return stage.run("registry-tag");
}

const Reply somebodys{.headers = {{"Content-Type", "application/vnd.oci.image.manifest.v1+json"}}, .body = "{}"};

/// Basic, with a login that is good.
bool has_login(const Seen& seen) { return seen.header("authorization") == "Basic b3R0bzpzM2NyZXQ="; }
const Reply asks{.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=r"}}};

bool is_manifest(const Seen& seen) { return seen.target.find("/manifests/") != std::string::npos; }
bool opens_upload(const Seen& seen) { return seen.method == "POST"; }

}  // namespace

TEST_CASE("tag: what a registry hides from whoever has not logged in is found") {
    struct Row {
        std::string_view asks_at;
        int greeting;
        Request::Touch touch;
        Verdict verdict;
    };
    for (const Row& row : {Row{"GET /v2/", 401, Request::Touch::yes, Verdict::fail},
                           Row{"GET /v2/", 401, Request::Touch::nothing, Verdict::fail},
                           Row{"POST", 200, Request::Touch::yes, Verdict::fail}}) {
        CAPTURE(row.asks_at);
        test::HttpServer registry([&](const Seen& seen) -> Reply {
            if (has_login(seen))
                return opens_upload(seen) ? Reply{.status = 202, .headers = {{"Location", "/u/1"}}} : somebodys;
            if (seen.line().starts_with(row.asks_at)) return asks;
            return {.status = seen.target == "/v2/" ? 200 : 404};
        });
        const Result result = tag_check(registry, row.greeting, row.touch);
        CHECK(result.verdict == row.verdict);
        CHECK(contains(result.observed, "is published, and another one"));
        const auto seen = registry.seen();
        CHECK(std::any_of(seen.begin(), seen.end(), opens_upload) == (row.greeting == 200));
    }
}

TEST_CASE("tag: a dry run opens no upload, and nothing is asked twice of an ordinary registry") {
    test::HttpServer open([](const Seen& seen) { return Reply{.status = seen.target == "/v2/" ? 200 : 404}; });
    CHECK(tag_check(open, 200, Request::Touch::nothing).verdict == Verdict::pass);
    for (const auto& seen : open.seen()) CHECK(seen.method == "GET");

    test::HttpServer ordinary([](const Seen& seen) { return has_login(seen) ? Reply{.status = 404} : asks; });
    CHECK(tag_check(ordinary, 401).verdict == Verdict::pass);
    CHECK(ordinary.seen().size() == 3);  // the greeting, the question, and the question with the login
}

TEST_CASE("tag: whoever may not push still learns what is there, and nothing is absent to a login that is refused") {
    std::string scopes;
    bool may_read = true;
    test::HttpServer tokens([&](const Seen& seen) -> Reply {
        scopes += seen.target + "\n";
        const bool is_push = seen.target.find("push") != std::string::npos;
        if (is_push || (!may_read && seen.headers.count("authorization") > 0)) return {.status = 403};
        return {.body = R"({"token":"T"})"};
    });
    test::HttpServer registry([&](const Seen& seen) -> Reply {
        if (seen.headers.count("authorization") == 0)
            return {.status = 401, .headers = {{"WWW-Authenticate", "Bearer realm=\"" + tokens.url() + "/t\""}}};
        return may_read && is_manifest(seen) ? somebodys : Reply{.status = 404};
    });
    CHECK(tag_check(registry, 401).verdict == Verdict::fail);
    CHECK(contains(scopes, "pull%2Cpush"));

    may_read = false;
    const Result hidden = tag_check(registry, 401);
    CHECK(hidden.verdict == Verdict::fail);
    CHECK(contains(hidden.observed, "404"));
    CHECK(contains(hidden.hint, "is private or does not exist"));
}

TEST_SUITE_END();

}  // namespace wasmx::doctor
