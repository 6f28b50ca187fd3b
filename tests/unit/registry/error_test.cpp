// SPDX-License-Identifier: Apache-2.0
#include "registry/error.hpp"

#include <doctest/doctest.h>

#include "registry/fake_clock.hpp"

namespace wasmx::registry {

TEST_SUITE_BEGIN("registry");

namespace {

const TimePoint now = FakeClock().now();  // 2026-01-02T03:00:00Z, a Friday

Circumstances pushing() {
    return {
        .registry = "ghcr.io", .repository = "kong/x", .access = Access::push, .origin = "/root/.docker/config.json"};
}

Refused refusal_of(int status, const std::string& body, std::vector<io::HttpHeader> headers = {},
                   const Circumstances& circumstances = pushing()) {
    io::HttpResponse response;
    response.status = status;
    response.headers = std::move(headers);
    response.body = io::from_string(body);
    return refusal("PUT", "https://ghcr.io/v2/kong/x/blobs/uploads/1?_state=secret", response, circumstances, now);
}

std::string oci(const std::string& code, const std::string& message) {
    return R"({"errors":[{"code":")" + code + R"(","message":")" + message + R"("}]})";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("messages") {
    const std::string start = "PUT https://ghcr.io/v2/kong/x/blobs/uploads/1?…: ";
    CHECK(refusal_of(403, oci("DENIED", "installation not allowed to Write organization package")).message() ==
          start + "403 Forbidden: DENIED: installation not allowed to Write organization package");
    CHECK(refusal_of(503, "").message() == start + "503 Service Unavailable");
    CHECK(refusal_of(418, "tea\n\x1b[31mpot").message() == start + "418: tea pot");
    CHECK(refusal_of(500, R"({"errors":[{"code":"A"},{"message":"b"}]})").message() ==
          start + "500 Internal Server Error: A; b");
    CHECK(refusal_of(502, "<html><body>Bad Gateway</body></html>").message() == start + "502 Bad Gateway");
    CHECK(refusal_of(403, R"({"message":"You have exceeded a secondary rate limit"})").message() ==
          start + "403 Forbidden: You have exceeded a secondary rate limit");
    CHECK(refusal_of(400, R"({"error":"invalid_grant","error_description":"bad"})").message() ==
          start + "400 Bad Request: invalid_grant: bad");
    CHECK(refusal_of(404, "", {{"x-github-request-id", "C0FF:EE"}}).message() ==
          start + "404 Not Found (request C0FF:EE)");
}

TEST_CASE("bodies of any shape are no second error") {
    for (const std::string body :
         {"[]", "{", "null", R"({"errors":7})", R"({"errors":[7,null,{"code":1}]})", R"({"message":{}})"}) {
        CAPTURE(body);
        CHECK(refusal_of(400, body).status() == 400);
    }
    CHECK(refusal_of(400, std::string(1 << 20, 'x')).message().size() < 600);
}

TEST_CASE("secrets that a server repeats stay hidden") {
    const auto text =
        refusal_of(403, "no: https://s.example/b?sig=abc&se=1 with Bearer aaaaaaaaaaaaaaaaaaaaaaaaa").message();
    CHECK_FALSE(contains(text, "sig"));
    CHECK_FALSE(contains(text, "aaaa"));
    CHECK(contains(text, "https://s.example/b?…"));
}

TEST_CASE("faults") {
    CHECK(refusal_of(401, "").fault() == Fault::denied);
    CHECK(refusal_of(403, "").fault() == Fault::denied);
    CHECK(refusal_of(404, "").fault() == Fault::not_found);
    CHECK(refusal_of(429, "").fault() == Fault::unavailable);
    CHECK(refusal_of(500, "").fault() == Fault::unavailable);
    CHECK(refusal_of(413, "").fault() == Fault::failed);
    Circumstances foreign = pushing();
    foreign.foreign = true;
    CHECK(refusal_of(403, "", {}, foreign).fault() == Fault::unavailable);
    CHECK(refusal_of(403, "", {}, foreign).is_foreign());
}

TEST_CASE("codes") {
    const auto error = refusal_of(404, oci("BLOB_UPLOAD_UNKNOWN", "x"));
    CHECK(error.has_code("BLOB_UPLOAD_UNKNOWN"));
    CHECK_FALSE(error.has_code("BLOB_UNKNOWN"));
}

TEST_CASE("hints for what ghcr.io writes") {
    const auto hint = [](int status, const std::string& code, const std::string& message) {
        return refusal_of(status, oci(code, message)).hint();
    };
    CHECK(contains(hint(403, "DENIED", "installation not allowed to Create organization package"), "packages: write"));
    CHECK(contains(hint(403, "DENIED", "installation not allowed to Write organization package"), "packages: write"));
    CHECK(contains(hint(403, "DENIED", "permission_denied: write_package"), "Manage Actions access"));
    CHECK(contains(hint(403, "DENIED", "permission_denied: write_package"), "ghcr.io/kong/x"));
    CHECK(contains(hint(403, "DENIED", "permission_denied: The token provided does not match expected scopes."),
                   "write:packages"));
    CHECK(contains(hint(403, "DENIED", "Resource protected by organization SAML enforcement."), "SSO"));
    CHECK(contains(hint(401, "UNAUTHORIZED", "unauthenticated: User cannot be authenticated with the token provided."),
                   "/root/.docker/config.json"));
    CHECK(contains(hint(429, "TOOMANYREQUESTS", "retry-after: 10.3ms, allowed: 2000/minute"), "limits"));
    CHECK(contains(hint(403, "DENIED", "denied"), "docker login ghcr.io"));
    CHECK(contains(hint(403, "DENIED", "denied"), "/root/.docker/config.json"));
    CHECK(contains(hint(503, "", ""), "continues from the layers that arrived"));
    CHECK(contains(hint(413, "", ""), "size"));
}

TEST_CASE("hints know whether there were credentials") {
    Circumstances c{.registry = "ghcr.io", .repository = "kong/x", .access = Access::pull, .origin = ""};
    CHECK(contains(hint_for(401, "", c), "private or does not exist"));
    CHECK(contains(hint_for(401, "", c), "docker login ghcr.io"));
    c.origin = "docker-credential-pass (/c.json)";
    CHECK(contains(hint_for(403, "", c), "docker-credential-pass (/c.json) may not pull ghcr.io/kong/x"));
    c.stale = true;
    CHECK(contains(hint_for(403, "", c), "were refused"));
}

TEST_CASE("how long it wants us to wait") {
    struct Row {
        std::string header;
        std::string body;
        std::optional<long> milliseconds;
    };
    for (
        const Row& row : {
            Row{"120", "", 120000},
            Row{"0", "", 0},
            Row{"Fri, 02 Jan 2026 03:01:00 GMT", "", 60000},
            Row{"Fri, 02 Jan 2026 02:00:00 GMT", "", 0},
            Row{"Fri, 02 Jan 2300 03:00:00 GMT", "", {}},
            Row{"Fri, 31 Dec 9999 23:59:59 GMT", "", {}},
            Row{"Fri, 02 Jan 9999 03:00:00 GMT", "retry-after: 2s", 2000},
            Row{"999999999", "", 999999999000},
            Row{"", "retry-after: 99999999999999999999999h", {}},
            Row{"soon", "", {}},
            Row{"-5", "", {}},
            Row{"99999999999999", "", {}},
            Row{"",
                R"({"errors":[{"code":"TOOMANYREQUESTS","message":"retry-after: 10.305464ms, allowed: 2000/minute"}]})",
                11},
            Row{"", "Retry-After: 2s", 2000},
            Row{"", "retry-after: 730.129µs, allowed: 44000/minute", 1},
            Row{"", "retry-after: later", {}},
            Row{"7", "retry-after: 2s", 7000},
            Row{"", "", {}},
        }) {
        CAPTURE(row.header);
        CAPTURE(row.body);
        io::HttpResponse response;
        if (!row.header.empty()) response.headers.push_back({"retry-after", row.header});
        const auto wait = asked_wait(response, row.body, now);
        CHECK(wait.has_value() == row.milliseconds.has_value());
        if (wait && row.milliseconds) CHECK(wait->count() == *row.milliseconds);
    }
}

TEST_SUITE_END();

}  // namespace wasmx::registry
