// SPDX-License-Identifier: Apache-2.0
#include "registry/token.hpp"

#include <doctest/doctest.h>

#include "base/error.hpp"
#include "registry/fake_clock.hpp"

namespace wasmx::registry {

TEST_SUITE_BEGIN("registry");

namespace {

using std::chrono::seconds;

const TimePoint now = FakeClock().now();  // 2026-01-02T03:00:00Z

credentials::Credential user() {
    credentials::Credential credential;
    credential.username = "otto";
    credential.password = Secret("p:w");
    return credential;
}

std::string authorization(const io::HttpRequest& request) {
    return request.secret_headers.empty() ? "" : std::string(request.secret_headers.front().second.reveal());
}

}  // namespace

TEST_CASE("token replies") {
    struct Row {
        std::string reply;
        std::string token;
        int expires;  // seconds from now
        int renew;
    };
    for (const Row& row : {
             Row{R"({"token":"t"})", "t", 60, 30},
             Row{R"({"access_token":"a","token":"t"})", "a", 60, 30},
             Row{R"({"access_token":"","token":"t"})", "t", 60, 30},
             Row{R"({"token":"t","expires_in":300})", "t", 300, 240},
             Row{R"({"token":"t","expires_in":4})", "t", 4, 2},
             Row{R"({"token":"t","expires_in":0})", "t", 60, 30},
             Row{R"({"token":"t","expires_in":-1})", "t", 60, 30},
             Row{R"({"token":"t","expires_in":"300"})", "t", 60, 30},
             Row{R"({"token":"t","expires_in":1e300})", "t", 86400, 86340},
             Row{R"({"token":"t","expires_in":300,"issued_at":"2026-01-02T02:59:00Z"})", "t", 240, 180},
             Row{R"({"token":"t","expires_in":300,"issued_at":"2026-01-02T03:09:00Z"})", "t", 300, 240},
             Row{R"({"token":"t","expires_in":300,"issued_at":"2026-01-02T01:00:00Z"})", "t", 300, 240},
             Row{R"({"token":"t","expires_in":300,"issued_at":"yesterday"})", "t", 300, 240},
             Row{R"({"token":"t","expires_in":null,"issued_at":null})", "t", 60, 30},
         }) {
        CAPTURE(row.reply);
        const Token token = parse_token_reply(row.reply, now);
        CHECK(token.value.reveal() == row.token);
        CHECK(token.expires - now == seconds(row.expires));
        CHECK(token.renew_at - now == seconds(row.renew));
    }
    CHECK(parse_token_reply(R"({"token":"t","refresh_token":"r"})", now).refresh_token.reveal() == "r");
}

TEST_CASE("for a long request a token is renewed earlier") {
    struct Row {
        int life;
        int renew;
    };
    for (const Row& row : {Row{4, 1}, Row{60, 15}, Row{300, 75}, Row{800, 200}, Row{3600, 3000}}) {
        CAPTURE(row.life);
        const Token token = parse_token_reply(R"({"token":"t","expires_in":)" + std::to_string(row.life) + "}", now);
        CHECK(token.renew_long_at - now == seconds(row.renew));
    }
}

TEST_CASE("scopes are merged, and the needed one stays first") {
    using Scopes = std::vector<std::string>;
    CHECK(merged_scopes({"repository:b:pull,push", "repository:a:pull"}) ==
          Scopes{"repository:b:pull,push", "repository:a:pull"});
    CHECK(merged_scopes({"repository:b:push", "repository:a:pull", "repository:b:pull,push"}) ==
          Scopes{"repository:b:pull,push", "repository:a:pull"});
    CHECK(merged_scopes({"repository:a:pull", "repository:a:*", "repository:a:push"}) == Scopes{"repository:a:*"});
    CHECK(merged_scopes({"repository:h:5000/a:pull", "repository:h:5000/a:push"}) ==
          Scopes{"repository:h:5000/a:pull,push"});
    CHECK(merged_scopes({"strange"}) == Scopes{"strange"});
    CHECK(merged_scopes({"strange:", "strange::,", "", ":", ",", "repository:a:pull,"}) ==
          Scopes{"strange", "repository:a:pull"});
}

TEST_CASE("replies that hold no token") {
    for (const std::string reply :
         {"", "no", "[]", "{}", R"({"token":""})", R"({"token":7})", R"({"token":"a\r\nX-Y: z"})"}) {
        CAPTURE(reply);
        CHECK_THROWS_AS(parse_token_reply(reply, now), Error);
    }
}

TEST_CASE("what is asked for") {
    const TokenQuestion question{.realm = "https://r/token",
                                 .service = "ghcr.io",
                                 .scopes = {"repository:kong/x:pull,push", "repository:kong/y:pull"}};
    const std::string url =
        "https://r/token?service=ghcr.io&scope=repository%3Akong%2Fx%3Apull%2Cpush&scope=repository%3Akong%2Fy%3Apull";
    const auto otto = user();

    const auto anonymous = token_get(question, nullptr);
    CHECK(anonymous.method == "GET");
    CHECK(anonymous.url == url);
    CHECK(anonymous.secret_headers.empty());

    const auto named = token_get(question, &otto);
    CHECK(named.url == url + "&account=otto");
    CHECK(authorization(named) == "Basic b3R0bzpwOnc=");

    CHECK(token_get({.realm = "https://r/t?a=b", .service = "", .scopes = {"s"}}, nullptr).url ==
          "https://r/t?a=b&scope=s");

    const auto posted = token_post(question, Secret("re/fresh"));
    CHECK(posted.method == "POST");
    CHECK(posted.url == "https://r/token");
    CHECK(posted.secret_headers.empty());
    CHECK(io::read_all(*posted.body->open(), 10000) ==
          "grant_type=refresh_token&service=ghcr.io&client_id=wasmx-image&scope=repository%3Akong%2Fx%3Apull%2Cpush%20"
          "repository%3Akong%2Fy%3Apull&refresh_token=re%2Ffresh");
}

TEST_CASE("realms") {
    struct Row {
        std::string registry;
        std::string realm;
        std::string with_credential;  // what it becomes; empty: refused
        std::string anonymous;
    };
    const std::string ghcr = "https://ghcr.io";
    const std::string local = "http://127.0.0.1:5000";
    for (const Row& row : {
             Row{ghcr, "https://ghcr.io/token", "https://ghcr.io/token", "https://ghcr.io/token"},
             Row{ghcr, "/token", "https://ghcr.io/token", "https://ghcr.io/token"},
             Row{ghcr, "https://GHCR.io/token", "https://GHCR.io/token", "https://GHCR.io/token"},
             Row{"https://r.example:5000", "https://r.example:5001/auth", "https://r.example:5001/auth",
                 "https://r.example:5001/auth"},
             Row{ghcr, "http://ghcr.io/token", "", ""},
             Row{ghcr, "https://evil.example/token", "", "https://evil.example/token"},
             Row{ghcr, "https://ghcr.io.evil.example/token", "", "https://ghcr.io.evil.example/token"},
             Row{ghcr, "https://ghcr.io@evil.example/token", "", ""},
             Row{ghcr, "https://u:p@ghcr.io/token", "", ""},
             // Where it may lead at all is the HttpClient's to judge.
             Row{ghcr, "https://127.0.0.1/token", "", "https://127.0.0.1/token"},
             Row{ghcr, "https://169.254.169.254/latest", "", "https://169.254.169.254/latest"},
             Row{ghcr, "http://169.254.169.254/latest", "", ""},
             Row{ghcr, "file:///etc/passwd", "", ""},
             Row{ghcr, "ftp://ghcr.io/token", "", ""},
             Row{ghcr, "", "", ""},
             Row{"https://registry-1.docker.io", "https://auth.docker.io/token", "https://auth.docker.io/token",
                 "https://auth.docker.io/token"},
             Row{ghcr, "https://auth.docker.io/token", "", "https://auth.docker.io/token"},
             Row{local, "http://127.0.0.1:6000/token", "http://127.0.0.1:6000/token", "http://127.0.0.1:6000/token"},
             Row{local, "http://localhost:6000/token", "http://localhost:6000/token", "http://localhost:6000/token"},
             Row{local, "http://10.0.0.1/token", "", ""},
             Row{local, "http://ghcr.io/token", "", ""},
             Row{"https://127.0.0.1:5000", "http://127.0.0.1:6000/token", "", ""},
         }) {
        CAPTURE(row.registry);
        CAPTURE(row.realm);
        for (const bool with_credential : {true, false}) {
            CAPTURE(with_credential);
            const std::string& expected = with_credential ? row.with_credential : row.anonymous;
            std::string got;
            try {
                got = checked_realm(row.registry, row.registry + "/v2/x", row.realm, with_credential);
            } catch (const Error&) {
            }
            CHECK(got == expected);
        }
    }
}

TEST_CASE("a realm on another host that the user trusts gets the credentials, on that port alone") {
    const std::string registry = "https://r.example:5005";
    const auto got = [&](const std::string& realm, const std::vector<std::string>& trusted) {
        try {
            return checked_realm(registry, registry + "/v2/x", realm, true, trusted);
        } catch (const Error& error) {
            return error.hint();
        }
    };
    CHECK(got("https://auth.example/t", {"auth.example"}) == "https://auth.example/t");
    CHECK(got("https://auth.example:8443/t", {"auth.example:8443"}) == "https://auth.example:8443/t");
    CHECK(got("https://auth.example:8443/t", {"auth.example"}).ends_with("r.example:5005=auth.example:8443"));
    CHECK(got("https://auth.example/t", {"example"}).ends_with("r.example:5005=auth.example"));
    CHECK(got("http://auth.example/t", {"auth.example"}) == plain_location_hint());
}

TEST_CASE("http behind TLS: what is to be mended is the proxy before the registry, and docker would go there") {
    for (const std::string realm : {"http://r.example/token", "http://registry:5000/token"}) {
        try {
            checked_realm("https://r.example", "https://r.example/v2/", realm, true);
            FAIL("not refused");
        } catch (const Error& error) {
            CHECK(error.hint().find("X-Forwarded-Proto") != std::string::npos);
        }
    }
}

TEST_CASE("a refused realm names both hosts") {
    try {
        checked_realm("https://ghcr.io", "https://ghcr.io/v2/", "https://evil.example/t?x=secret", true);
        FAIL("not refused");
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::denied);
        CHECK(error.message() ==
              "https://ghcr.io wants tokens to be got from https://evil.example/t?…, but credentials for "
              "ghcr.io are not sent to evil.example");
    }
}

TEST_SUITE_END();

}  // namespace wasmx::registry
