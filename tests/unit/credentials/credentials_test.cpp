// SPDX-License-Identifier: Apache-2.0
#include "credentials/credentials.hpp"

#include <doctest/doctest.h>

#include <functional>

#include "base/error.hpp"
#include "base/text.hpp"
#include "credentials/authorities.hpp"
#include "io/base64.hpp"
#include "io/file.hpp"
#include "support/folder.hpp"

namespace wasmx::credentials {

TEST_SUITE_BEGIN("credentials");

namespace {

using test::Variable;

std::string config(const std::string& user) {
    return R"({"auths":{"ghcr.io":{"auth":")" + io::base64_encode(user + ":p") + "\"}}}";
}

/// A home of its own, and none of the variables of the machine.
struct Home {
    test::Folder folder;
    Variable home{"HOME", folder.path().string()};
    Variable path{"PATH", (folder.path() / "bin").string() + ":" + environment("PATH")};
    Variable docker_config{"DOCKER_CONFIG", std::nullopt};
    Variable docker_auth_config{"DOCKER_AUTH_CONFIG", std::nullopt};
    Variable registry_auth_file{"REGISTRY_AUTH_FILE", std::nullopt};
    Variable xdg_runtime{"XDG_RUNTIME_DIR", std::nullopt};
    Variable xdg_config{"XDG_CONFIG_HOME", std::nullopt};

    std::string file(const std::string& name) const { return (folder.path() / name).string(); }
    void helper(const std::string& script) const {
        folder.write(".docker/config.json", R"({"auths":{"ghcr.io":{}},"credsStore":"fake"})");
        folder.write_program("bin/docker-credential-fake", script);
    }
};

std::string user_for(const std::string& registry) {
    const auto found = find(registry, "kong/x", {});
    return found ? found->username : "nobody";
}

Error error_of(const std::string& registry) {
    try {
        (void)find(registry, "kong/x", {});
    } catch (const Error& error) {
        return error;
    }
    FAIL("nothing was thrown");
    throw 0;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("where credentials are looked for, and in which order") {
    const Home home;
    CHECK(user_for("ghcr.io") == "nobody");
    home.folder.write(".config/containers/auth.json", config("podman"));
    CHECK(user_for("ghcr.io") == "podman");
    home.folder.write("run/containers/auth.json", config("runtime"));
    const Variable runtime("XDG_RUNTIME_DIR", home.file("run"));
    CHECK(user_for("ghcr.io") == "runtime");
    const Variable chosen("REGISTRY_AUTH_FILE", home.folder.write("chosen.json", config("chosen")).string());
    CHECK(user_for("ghcr.io") == "chosen");
    home.folder.write(".docker/config.json", config("docker"));
    CHECK(user_for("ghcr.io") == "docker");
    CHECK(find("ghcr.io", "kong/x", {})->origin == home.file(".docker/config.json"));
    home.folder.write("job/config.json", config("job"));
    const Variable job("DOCKER_CONFIG", home.file("job"));
    CHECK(user_for("ghcr.io") == "job");
    const Variable inlined("DOCKER_AUTH_CONFIG", config("inlined"));
    CHECK(user_for("ghcr.io") == "inlined");
    CHECK(find("ghcr.io", "kong/x", {})->origin == "$DOCKER_AUTH_CONFIG");
    CHECK(user_for("quay.io") == "nobody");
}

TEST_CASE("without a home the variables decide") {
    const Home home;
    const Variable none("HOME", std::nullopt);
    CHECK(user_for("ghcr.io") == "nobody");
    home.folder.write("job/config.json", config("job"));
    const Variable job("DOCKER_CONFIG", home.file("job"));
    CHECK(user_for("ghcr.io") == "job");
}

TEST_CASE("a variable starts no program") {
    const Home home;
    const Variable inlined("DOCKER_AUTH_CONFIG", R"({"credsStore":"missing","auths":{}})");
    CHECK(user_for("ghcr.io") == "nobody");
}

TEST_CASE("one broken source does not hide the next, as for docker, and is told") {
    const Home home;
    home.folder.write(".config/containers/auth.json", config("podman"));
    const auto told = [] {
        std::vector<std::string> out;
        const auto found = find("ghcr.io", "kong/x", {}, [&](const std::string& line) { out.push_back(line); });
        CHECK(found->username == "podman");
        return out;
    };
    CHECK(told().empty());
    struct Row {
        std::string what;
        std::function<void()> make;
    };
    const auto docker = [&](const std::string& text) {
        return [&, text] { home.folder.write(".docker/config.json", text); };
    };
    home.folder.write_program("bin/docker-credential-bad", "echo 'the keyring is locked'; exit 1");
    home.folder.write_program("bin/docker-credential-rubbish", "echo '<html>'");
    for (const Row& row : {
             Row{"no JSON", docker("not json")},
             Row{"docker login", docker(R"({"auths":{"ghcr.io":{"auth":"%%%"}}})")},
             Row{"not installed", docker(R"({"credsStore":"missing"})")},
             Row{"the keyring is locked", docker(R"({"credsStore":"bad"})")},
             Row{"rubbish", docker(R"({"credHelpers":{"ghcr.io":"rubbish"}})")},
         }) {
        CAPTURE(row.what);
        row.make();
        const auto lines = told();
        REQUIRE(lines.size() == 1);
        CHECK(contains(lines[0], home.file(".docker/config.json")));
        CHECK(contains(lines[0], "the login in " + home.file(".config/containers/auth.json") + " is used"));
    }
    home.folder.write(".docker/config.json", "");
    CHECK(told().empty());
    std::filesystem::remove(home.file(".docker/config.json"));
    std::filesystem::create_directories(home.file(".docker/config.json"));
    CHECK(told().size() == 1);
    {
        const Variable file("DOCKER_CONFIG", home.folder.write("config.json", config("otto")).string());
        CHECK(contains(told().at(0), "is no folder"));
    }
    const Variable path("DOCKER_AUTH_CONFIG", home.file("auth.json"));
    const auto lines = told();
    REQUIRE(lines.size() == 2);
    CHECK(contains(lines[0], "$DOCKER_AUTH_CONFIG cannot be read: it is the path of a file"));
}

TEST_CASE("a helper that fails does not hide what its file holds itself") {
    const Home home;
    home.folder.write(".docker/config.json", R"({"credsStore":"missing","auths":{"ghcr.io":{"auth":")" +
                                                 io::base64_encode("otto:p") + "\"}}}");
    CHECK(user_for("ghcr.io") == "otto");
}

TEST_CASE("a token service that the user trusts goes with the login of one registry") {
    const Home home;
    home.folder.write(".docker/config.json", config("otto"));
    CHECK(find("ghcr.io", "kong/x", {})->token_services.empty());
    const Variable trusted("WASMX_TRUST_TOKEN_SERVICE",
                           "quay.io=a.example, GHCR.io = Auth.example:8443 ,ghcr.io=b.example");
    CHECK(find("ghcr.io", "kong/x", {})->token_services == std::vector<std::string>{"auth.example:8443", "b.example"});
}

TEST_CASE("TLS: authorities and the client's certificate of one registry, where docker and podman keep them") {
    const Home home;
    CHECK(tls_files_of("r.example", 5000).authorities.find_first_not_of('\n') == std::string::npos);
    for (const std::string root : {".config/containers/certs.d/", ".config/docker/certs.d/"}) {
        CAPTURE(root);
        home.folder.write(root + "r.example:5000/ca.crt", "authority");
        home.folder.write(root + "r.example:5000/client.cert", "certificate");
        const Error alone = [&] {
            try {
                (void)tls_files_of("r.example", 5000);
            } catch (const Error& error) {
                return error;
            }
            FAIL("nothing was thrown");
            throw 0;
        }();
        CHECK(alone.fault() == Fault::config);  // as for docker
        CHECK(contains(alone.message(), "client.key"));
        home.folder.write(root + "r.example:5000/client.key", "key");
        const auto found = tls_files_of("r.example", 5000);
        CHECK(contains(found.authorities, "authority"));
        CHECK(found.certificate == "certificate");
        CHECK(found.key.reveal() == "key");
        for (const int port : {443, 5001}) CHECK(tls_files_of("r.example", port).certificate.empty());
        CHECK(tls_files_of("s.example", 5000).certificate.empty());
        std::filesystem::remove_all(home.file(".config"));
    }
    home.folder.write(".config/containers/certs.d/r.example/client.cert", "c");
    home.folder.write(".config/containers/certs.d/r.example/client.key", "k");
    CHECK(tls_files_of("r.example", 443).certificate == "c");
    CHECK(tls_files_of("r.example", 5000).certificate.empty());
}

TEST_CASE("a helper is asked by name of the registry") {
    const Home home;
    home.helper(R"(read -r host
test "$1 $host" = "get ghcr.io" || exit 9
echo '{"ServerURL":"ghcr.io","Username":"helped","Secret":"s3cret"}')");
    const auto found = find("ghcr.io", "kong/x", {});
    REQUIRE(found);
    CHECK(found->username == "helped");
    CHECK(found->password.reveal() == "s3cret");
    CHECK(found->origin == "docker-credential-fake (" + home.file(".docker/config.json") + ")");
}

TEST_CASE("Docker Hub is asked for by its old address") {
    const Home home;
    home.helper(R"(read -r host
echo "{\"Username\":\"$host\",\"Secret\":\"x\"}")");
    CHECK(user_for("docker.io") == "https://index.docker.io/v1/");
}

TEST_CASE("a helper's user <token> means an identity token") {
    const Home home;
    home.helper(R"(echo '{"Username":"<token>","Secret":"I"}')");
    const auto found = find("ghcr.io", "kong/x", {});
    REQUIRE(found);
    CHECK(found->username.empty());
    CHECK(found->password.empty());
    CHECK(found->identity_token.reveal() == "I");
}

TEST_CASE("a helper that has nothing is no error") {
    const Home home;
    home.helper("echo 'credentials not found in native keychain'; exit 1");
    CHECK_FALSE(find("ghcr.io", "kong/x", {}));
    home.helper("echo 'credentials not found in native keychain' >&2; exit 1");
    CHECK_FALSE(find("ghcr.io", "kong/x", {}));
    home.helper(R"(echo '{"Username":"","Secret":""}')");
    CHECK_FALSE(find("ghcr.io", "kong/x", {}));
}

TEST_CASE("a helper that is missing is named, with its file and the mend") {
    const Home home;
    const auto path = home.folder.write(".docker/config.json", R"({"credsStore":"no-such-thing"})");
    const Error error = error_of("ghcr.io");
    CHECK(error.fault() == Fault::config);
    CHECK(contains(error.message(), "docker-credential-no-such-thing"));
    CHECK(contains(error.message(), path.string()));
    CHECK(contains(error.hint(), "docker login ghcr.io"));
}

TEST_CASE("a helper that fails is no silence") {
    const Home home;
    home.helper("echo 'pass is locked' >&2; exit 3");
    CHECK(error_of("ghcr.io").fault() == Fault::config);
    CHECK(contains(error_of("ghcr.io").message(), "(exit 3): pass is locked"));
    // One that answered, and failed afterwards.
    home.helper(R"(echo '{"Username":"u","Secret":"s3cret"}'; echo 'and then' >&2; exit 4)");
    CHECK(contains(error_of("ghcr.io").message(), "(exit 4): and then"));
    CHECK_FALSE(contains(error_of("ghcr.io").message(), "s3cret"));
    home.helper("echo '{\"Username\":\"u\", s3cret'");
    CHECK(error_of("ghcr.io").fault() == Fault::config);
    CHECK_FALSE(contains(error_of("ghcr.io").message(), "s3cret"));
}

TEST_CASE("a helper is no path") {
    const Home home;
    home.folder.write(".docker/config.json", R"({"credsStore":"../../evil"})");
    CHECK(error_of("ghcr.io").fault() == Fault::config);
}

TEST_CASE("a helper's agent that stays does not hold us up") {
    const Home home;
    home.helper(R"(sleep 20 & echo '{"Username":"u","Secret":"s"}')");
    const auto began = std::chrono::steady_clock::now();
    CHECK(user_for("ghcr.io") == "u");
    CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(10));
}

TEST_CASE("a helper gets its question, the user's environment, and nothing that is ours") {
    const Home home;
    const Variable ours("DOCKER_AUTH_CONFIG", "{}");
    const Variable runner("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "s3cret");
    const Variable its_own("AWS_PROFILE", "work");
    home.helper(
        "ls /proc/self/fd | wc -l >\"$HOME/descriptors\"\nenv >\"$HOME/environment\"\n"
        "echo '{\"Username\":\"otto\",\"Secret\":\"p\"}'\n");
    CHECK(user_for("ghcr.io") == "otto");
    CHECK(io::read_file(home.file("descriptors")) == "4\n");  // three streams, and the folder that ls reads
    const std::string seen = io::read_file(home.file("environment"));
    CHECK(contains(seen, "AWS_PROFILE=work"));
    CHECK_FALSE(contains(seen, "DOCKER_AUTH_CONFIG"));
    CHECK_FALSE(contains(seen, "s3cret"));
}

TEST_CASE("a file or a helper that nests without end is a fault of its own") {
    const Home home;
    home.folder.write(".docker/config.json", R"({"auths":)" + std::string(1'000'000, '['));
    CHECK(error_of("ghcr.io").fault() == Fault::config);
    home.helper("printf '{\"Username\":'; head -c 1000000 /dev/zero | tr '\\0' '['\n");
    const Error error = error_of("ghcr.io");
    CHECK(error.fault() == Fault::config);
    CHECK(contains(error.message(), "docker-credential-fake"));
}

TEST_SUITE_END();

}  // namespace wasmx::credentials
