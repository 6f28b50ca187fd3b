// SPDX-License-Identifier: Apache-2.0
#include "engine/scene.hpp"
#include "support/recording.hpp"

using namespace wasmx;
using namespace wasmx::engine;

namespace {

const std::string digest = "sha256:" + std::string(64, 'a');

struct Pushed {
    std::optional<Digest> digest;
    std::vector<std::string> lines;
    std::string error;
    std::string auth;
    std::string verdict;
};

Pushed push_with(const test::Reply& reply, const Secret& auth = Secret("c2VjcmV0"), const test::Reply& ping = pong(),
                 const std::string& query = "?tag=1") {
    Scene scene({{"POST /v1.41/images/127.0.0.1:5000/kong/x/push" + query, reply}}, ping);
    test::Recording progress;
    Pushed out;
    try {
        out.digest = scene.engine().push(oci::Reference::parse("127.0.0.1:5000/kong/x:1"), auth, progress);
    } catch (const Error& error) {
        out.error = error.message();
        CHECK(contains(error.hint(), "--via export"));
    }
    out.lines = progress.lines;
    out.auth = scene.seen().at(0).header("x-registry-auth");
    out.verdict = scene.verdict();
    return out;
}

}  // namespace

TEST_SUITE_BEGIN("engine");

TEST_CASE("an engine pushes: layers become tasks, the digest is in aux") {
    const auto pushed = push_with({.body = R"({"status":"The push refers to repository [127.0.0.1:5000/kong/x]"}
{"status":"Preparing","progressDetail":{},"id":"81b30bdcb64c"}
{"status":"Preparing","progressDetail":{},"id":"91b30bdcb64c"}
{"status":"Pushing","progressDetail":{"current":500,"total":1000},"progress":"[>  ]","id":"81b30bdcb64c"}
{"status":"Layer already exists","progressDetail":{},"id":"91b30bdcb64c"}
{"status":"Pushed","progressDetail":{},"id":"81b30bdcb64c"}
{"status":"1: digest: )" + digest + R"( size: 1380"}
{"progressDetail":{},"aux":{"Tag":"1","Digest":")" +
                                           digest + R"(","Size":1380}}
)"});
    CHECK(pushed.digest->str() == digest);
    CHECK(pushed.lines == std::vector<std::string>{"+pushing layer 81b30bdcb64c", "+pushing layer 91b30bdcb64c",
                                                   "pushing layer 91b30bdcb64c: exists",
                                                   "pushing layer 81b30bdcb64c: uploaded"});
    CHECK(pushed.auth == "c2VjcmV0");
    CHECK(pushed.verdict.empty());
}

TEST_CASE("containerd's store and podman tell the digest in words alone") {
    CHECK(push_with({.body = R"({"status":"1: digest: )" + digest + R"( size: 1380"})"}).digest->str() == digest);
    CHECK(push_with({.body = R"({"status":"1: digest: )" + digest + R"( size: 1380"})"}, Secret("x"), podman_pong(),
                    "?tag=1&tlsVerify=false")
              .digest->str() == digest);
}

TEST_CASE("without credentials the header is there all the same, and empty") {
    CHECK(push_with({.body = R"({"status":"1: digest: )" + digest + R"( size: 1"})"}, Secret()).auth == "e30=");
}

TEST_CASE("an engine that could not push") {
    CHECK(contains(
        push_with({.body = R"({"errorDetail":{"message":"denied: \u001b[31mno"},"error":"denied: no"})"}).error,
        "the engine cannot push 127.0.0.1:5000/kong/x:1: denied: no"));
    CHECK(contains(push_with(json_reply(404, R"({"message":"no such image"})")).error, "no such image"));
    CHECK(contains(push_with({.body = ""}).error, "without a digest and without a reason"));
    CHECK(contains(push_with({.body = "rubbish\n[]\n"}).error, "without a digest"));
    CHECK(contains(push_with({.body = R"({"status":"1: digest: sha256:short size: 1"})"}).error, "without a digest"));
}

TEST_SUITE_END();
