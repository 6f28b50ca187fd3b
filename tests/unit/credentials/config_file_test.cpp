// SPDX-License-Identifier: Apache-2.0
#include "credentials/config_file.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "base/error.hpp"
#include "io/base64.hpp"

namespace wasmx::credentials {

TEST_SUITE_BEGIN("credentials");

namespace {

std::string auth(const std::string& user_and_password) {
    return R"({"auth":")" + io::base64_encode(user_and_password) + "\"}";
}
std::string auths(const std::string& key, const std::string& entry) {
    return R"({"auths":{")" + key + "\":" + entry + "}}";
}

std::optional<Credential> stored(const std::string& json, const std::string& registry,
                                 const std::string& repository = "kong/x") {
    return ConfigFile::parse(json, "c.json").find_stored(registry, repository);
}

Error error_of(const std::string& json) {
    try {
        (void)stored(json, "ghcr.io");
    } catch (const Error& error) {
        return error;
    }
    FAIL("nothing was thrown");
    throw 0;
}

}  // namespace

TEST_CASE("keys and hosts: the whole host, in any of the shapes that tools write") {
    struct Row {
        std::string key;
        std::string registry;
        bool match;
    };
    for (const Row& row : {
             Row{"ghcr.io", "ghcr.io", true},
             Row{"https://ghcr.io", "ghcr.io", true},
             Row{"https://ghcr.io/v2/", "ghcr.io", true},
             Row{"http://ghcr.io/v1/", "ghcr.io", true},
             Row{"GHCR.io", "ghcr.io", true},
             Row{"127.0.0.1:5000", "127.0.0.1:5000", true},
             Row{"127.0.0.1:5000", "127.0.0.1:5001", false},
             Row{"127.0.0.1", "127.0.0.1:5000", false},
             Row{"[::1]:5000", "[::1]:5000", true},
             Row{"https://index.docker.io/v1/", "docker.io", true},
             Row{"docker.io", "docker.io", true},
             Row{"ghcr.io.evil.example", "ghcr.io", false},
             Row{"evil-ghcr.io", "ghcr.io", false},
             Row{"my.ghcr.io", "ghcr.io", false},
             Row{"https://evil.example/ghcr.io", "ghcr.io", false},
             Row{"ghcr", "ghcr.io", false},
             Row{"", "ghcr.io", false},
         }) {
        CAPTURE(row.key);
        CAPTURE(row.registry);
        CHECK(stored(auths(row.key, auth("u:p")), row.registry).has_value() == row.match);
    }
}

TEST_CASE("keys of a part of a registry: whole folders, the longest first") {
    const std::string json = R"({"auths":{"ghcr.io/alice":)" + auth("alice:x") + R"(,"ghcr.io/kong":)" +
                             auth("kong:x") + R"(,"ghcr.io/kong/tools/":)" + auth("tools:x") + R"(,"ghcr.io":)" +
                             auth("all:x") + "}}";
    CHECK(stored(json, "ghcr.io", "kong/x")->username == "kong");
    CHECK(stored(json, "ghcr.io", "kong/tools/y")->username == "tools");
    CHECK(stored(json, "ghcr.io", "kong/tools")->username == "tools");
    CHECK(stored(json, "ghcr.io", "kongress/x")->username == "all");
    CHECK(stored(json, "ghcr.io", "bob/x")->username == "all");
    // As docker login leaves it beside a store: it says nothing, and hides nothing.
    CHECK(stored(R"({"auths":{"ghcr.io/kong":{},"ghcr.io":)" + auth("all:x") + "}}", "ghcr.io")->username == "all");
    CHECK_FALSE(stored(auths("ghcr.io/alice", auth("alice:x")), "ghcr.io", "kong/x"));
    CHECK_FALSE(stored(auths("ghcr.io/kong/x/y", auth("alice:x")), "ghcr.io", "kong/x"));
    const auto helpers = ConfigFile::parse(R"({"credHelpers":{"ghcr.io/alice":"a","ghcr.io/kong":"k"}})", "c.json");
    CHECK(helpers.find_helper("ghcr.io", "kong/x") == "k");
    CHECK_FALSE(helpers.find_helper("ghcr.io", "bob/x"));
}

TEST_CASE("an exact key beats one of the same host") {
    const std::string json =
        R"({"auths":{"https://ghcr.io":)" + auth("old:x") + R"(,"ghcr.io":)" + auth("new:x") + "}}";
    CHECK(stored(json, "ghcr.io")->username == "new");
}

TEST_CASE("passwords") {
    struct Row {
        std::string written;
        std::string username;
        std::string password;
    };
    for (const Row& row : {Row{"u:p", "u", "p"}, Row{"u:p:q:", "u", "p:q:"}, Row{std::string("u:p\0\0", 5), "u", "p"},
                           Row{"u:\xc3\xa4", "u", "\xc3\xa4"}}) {
        const auto found = stored(auths("ghcr.io", auth(row.written)), "ghcr.io");
        REQUIRE(found);
        CHECK(found->username == row.username);
        CHECK(found->password.reveal() == row.password);
        CHECK(found->identity_token.empty());
        CHECK(found->registry_token.empty());
        CHECK(found->origin == "c.json");
    }
    CHECK(stored(auths("ghcr.io", R"({"username":"u","password":"p"})"), "ghcr.io")->password.reveal() == "p");
    CHECK(stored(auths("ghcr.io", "{\"auth\":\" " + io::base64_encode("u:p") + "\\n\"}"), "ghcr.io")->username == "u");
}

TEST_CASE("tokens, and never more than one secret") {
    const std::string user = io::base64_encode("00000000-0000-0000-0000-000000000000:x");
    const auto identity = stored(auths("ghcr.io", R"({"auth":")" + user + R"(","identitytoken":"I"})"), "ghcr.io");
    REQUIRE(identity);
    CHECK(identity->username == "00000000-0000-0000-0000-000000000000");
    CHECK(identity->identity_token.reveal() == "I");
    CHECK(identity->password.empty());

    const auto bearer = stored(auths("ghcr.io", R"({"registrytoken":"R","identitytoken":"I"})"), "ghcr.io");
    REQUIRE(bearer);
    CHECK(bearer->registry_token.reveal() == "R");
    CHECK(bearer->identity_token.empty());
}

TEST_CASE("what holds no secret is none") {
    for (const std::string json :
         {"", " \n", "{}", R"({"auths":null})", R"({"auths":{}})", R"({"auths":{"ghcr.io":{}}})",
          R"({"auths":{"ghcr.io":{"auth":""}}})", R"({"auths":{"ghcr.io":{"auth":null}}})",
          R"({"HttpHeaders":{"a":"b"},"psFormat":"x"})"}) {
        CAPTURE(json);
        CHECK_FALSE(stored(json, "ghcr.io"));
    }
}

TEST_CASE("helpers: of the host before of all") {
    const auto file = ConfigFile::parse(
        R"({"credsStore":"desktop","credHelpers":{"ghcr.io":"pass","https://quay.io":"q"}})", "c.json");
    CHECK(file.find_helper("ghcr.io", "kong/x") == "pass");
    CHECK(file.find_helper("quay.io", "kong/x") == "q");
    CHECK(file.find_helper("my.ghcr.io", "kong/x") == "desktop");
    CHECK_FALSE(ConfigFile::parse("{}", "c.json").find_helper("ghcr.io", "kong/x"));
}

TEST_CASE("a broken file is named, and its text is not shown") {
    const std::vector<std::string> broken{"{",
                                          "[]",
                                          "7",
                                          R"({"auths":7})",
                                          R"({"auths":{"ghcr.io":7}})",
                                          R"({"credsStore":7})",
                                          auths("ghcr.io", R"({"auth":"s3cret!"})"),
                                          auths("ghcr.io", auth("s3cret")),
                                          auths("ghcr.io", auth(":s3cret")),
                                          auths("ghcr.io", R"({"username":"s3cret"})"),
                                          R"({"auths":{"ghcr.io":{"auth":"s3cret" x}}})"};
    for (const std::string& json : broken) {
        CAPTURE(json);
        const Error error = error_of(json);
        CHECK(error.fault() == Fault::config);
        CHECK(error.message().starts_with("c.json"));
        CHECK(error.message().find("s3cret") == std::string::npos);
        CHECK(error.hint().find("docker login") != std::string::npos);
    }
}

TEST_CASE("line ends within base64 are skipped, as docker's decoder does") {
    const std::string letters = io::base64_encode("otto:s3cret");
    for (const std::string end : {"\\n", "\\r\\n"}) {
        const std::string wrapped = letters.substr(0, 4) + end + letters.substr(4) + end;
        const auto found = stored(auths("ghcr.io", R"({"auth":")" + wrapped + "\"}"), "ghcr.io");
        REQUIRE(found);
        CHECK(found->username == "otto");
        CHECK(found->password.reveal() == "s3cret");
    }
}

TEST_CASE("a byte order mark, members in any case: docker reads the latter, and editors write the former") {
    const std::string entry = R"({"Auth":")" + io::base64_encode("otto:p") + "\"}";
    const auto found = stored("\xEF\xBB\xBF{\"Auths\":{\"ghcr.io\":" + entry + "}}", "ghcr.io");
    REQUIRE(found);
    CHECK(found->username == "otto");
    CHECK(ConfigFile::parse(R"({"credsstore":"pass"})", "c.json").find_helper("ghcr.io", "kong/x") == "pass");
}

TEST_CASE("what is wrong about one registry is no matter to another, as for docker") {
    for (const std::string wrong :
         {R"("quay.io":7)", R"("quay.io":{"auth":7})", R"("quay.io":null)", R"("quay.io":"x")"}) {
        CAPTURE(wrong);
        const std::string json = "{\"credHelpers\":{\"quay.io\":7},\"auths\":{" + wrong +
                                 ",\"ghcr.io\":" + R"({"auth":")" + io::base64_encode("otto:p") + "\"}}}";
        CHECK(stored(json, "ghcr.io")->username == "otto");
    }
}

TEST_CASE("the path of a file in place of JSON is called that") {
    CHECK(error_of("/run/secrets/auth.json").message() ==
          "c.json cannot be read: it is the path of a file, and no JSON");
}

TEST_SUITE_END();

}  // namespace wasmx::credentials
