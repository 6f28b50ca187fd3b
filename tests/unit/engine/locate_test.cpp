// SPDX-License-Identifier: Apache-2.0
#include "engine/locate.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <map>

#include "base/error.hpp"
#include "io/stream.hpp"
#include "support/folder.hpp"

using namespace wasmx;
using engine::Endpoint;
using engine::locate;
using engine::proxies_for;
using engine::ProxyEnvironment;
using test::Variable;

namespace {

/// A machine of our own: no variable that leads to an engine, an empty home.
struct Machine {
    test::Folder folder;
    Variable host{"DOCKER_HOST", std::nullopt};
    Variable context{"DOCKER_CONTEXT", std::nullopt};
    Variable config{"DOCKER_CONFIG", folder.path() / "docker"};
    Variable home{"HOME", folder.path() / "home"};
    Variable runtime{"XDG_RUNTIME_DIR", folder.path() / "run"};

    void write_context(const std::string& name, const std::string& json) const {
        folder.write("docker/contexts/meta/" + io::sha256(name).hex() + "/meta.json", json);
    }
};

std::string meta(const std::string& name, const std::string& host) {
    return nlohmann::json{{"Name", name},
                          {"Metadata", nlohmann::json::object()},
                          {"Endpoints", {{"docker", {{"Host", host}, {"SkipTLSVerify", false}}}}}}
        .dump();
}

Error refusal_of(const std::string& host) {
    try {
        const Endpoint endpoint = locate(host);
        FAIL("found " << endpoint.socket);
    } catch (const Error& error) {
        return error;
    }
    return {Fault::bug, ""};
}

bool says(const Error& error, const std::string& part) {
    return (error.message() + "\n" + error.hint()).find(part) != std::string::npos;
}

void make_socket(const std::filesystem::path& path) {
    std::filesystem::create_directories(path.parent_path());
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    ::close(fd);
}

}  // namespace

TEST_SUITE_BEGIN("engine");

TEST_CASE("--host comes before everything, DOCKER_HOST before contexts") {
    const Machine machine;
    machine.write_context("lab", meta("lab", "unix:///lab.sock"));
    const Variable context("DOCKER_CONTEXT", "lab");
    CHECK(locate("").socket == "/lab.sock");
    CHECK(locate("").origin.find("\"lab\"") != std::string::npos);
    const Variable host("DOCKER_HOST", "unix:///named.sock");
    CHECK(locate("").socket == "/named.sock");
    CHECK(locate("").origin == "DOCKER_HOST");
    CHECK(locate("unix:///given.sock").socket == "/given.sock");
    CHECK(locate("unix:///given.sock").origin == "--host");
}

TEST_CASE("the current context of config.json, unless DOCKER_CONTEXT says otherwise") {
    const Machine machine;
    machine.write_context("rootless", meta("rootless", "unix:///run/user/1000/docker.sock"));
    machine.folder.write("docker/config.json", R"({"auths":{},"currentContext":"rootless"})");
    CHECK(locate("").socket == "/run/user/1000/docker.sock");
    CHECK(locate("").origin == "docker context \"rootless\" (current context)");
    make_socket(machine.folder.path() / "run/docker.sock");
    const Variable context("DOCKER_CONTEXT", "default");
    CHECK(locate("").socket != "/run/user/1000/docker.sock");
}

TEST_CASE("HOME has the configuration where DOCKER_CONFIG is not set") {
    const Machine machine;
    const Variable config("DOCKER_CONFIG", std::nullopt);
    machine.folder.write("home/.docker/contexts/meta/" + io::sha256("x").hex() + "/meta.json",
                         meta("x", "unix:///x.sock"));
    machine.folder.write("home/.docker/config.json", R"({"currentContext":"x"})");
    CHECK(locate("").socket == "/x.sock");
}

TEST_CASE("without XDG_RUNTIME_DIR, as after su and in cron jobs, the user's own folder is looked into") {
    const Machine machine;
    const Variable runtime("XDG_RUNTIME_DIR", std::nullopt);
    const Variable home("HOME", std::nullopt);
    const std::string folder = "/run/user/" + std::to_string(::geteuid());
    try {
        (void)locate("");
    } catch (const Error& error) {
        CHECK(says(error, folder + "/docker.sock"));
        CHECK(says(error, folder + "/podman/podman.sock"));
    }
}

TEST_CASE("engines that we do not speak to are refused by name, without what else is in the address") {
    const Machine machine;
    for (const std::string host : {"tcp://10.0.0.1:2375", "ssh://otto:s3cret@host", "http://h", "https://h"}) {
        CAPTURE(host);
        const Error error = refusal_of(host);
        CHECK(error.fault() == Fault::config);
        CHECK(says(error, host.substr(0, host.find("//") + 2)));
        CHECK(says(error, "ssh -L"));
        CHECK_FALSE(says(error, "s3cret"));
    }
    for (const std::string host : {"unix://", "/var/run/docker.sock", "npipe:////./pipe/docker", "docker.sock"}) {
        CAPTURE(host);
        const Error error = refusal_of(host);
        CHECK(error.fault() == Fault::config);
        CHECK(says(error, "unix:///var/run/docker.sock"));
    }
    machine.write_context("far", meta("far", "ssh://otto@far"));
    const Variable context("DOCKER_CONTEXT", "far");
    CHECK(says(refusal_of(""), "docker context \"far\" (DOCKER_CONTEXT)"));
    CHECK(says(refusal_of(""), "ssh://"));
}

TEST_CASE("a context that is not there, or is none") {
    const Machine machine;
    const Variable context("DOCKER_CONTEXT", "gone");
    CHECK(refusal_of("").fault() == Fault::config);
    CHECK(says(refusal_of(""), "docker context ls"));
    for (const std::string text :
         {"", "no json", "[]", "{}", R"({"Endpoints":{"docker":{"Host":7}}})", R"({"Endpoints":[]})"}) {
        CAPTURE(text);
        machine.write_context("gone", text);
        CHECK(refusal_of("").fault() == Fault::config);
        CHECK(says(refusal_of(""), "meta.json"));
    }
}

TEST_CASE("a config.json that is none is passed over, as the docker program does with a warning") {
    const Machine machine;
    for (const std::string text :
         {"{", "[]", "", R"({"currentContext":7,"proxies":[]})", R"({"proxies":{"default":7}})"}) {
        CAPTURE(text);
        machine.folder.write("docker/config.json", text);
        CHECK(refusal_of("").fault() == Fault::unavailable);  // no context, and no socket here
        CHECK(proxies_for({"/x.sock", ""}, ProxyEnvironment::ignore).empty());
    }
}

TEST_CASE("proxies of containers: those of the engine, else of all; the shell's only when they are asked for") {
    const Machine machine;
    const Variable shell("https_proxy", "http://shell");
    const Variable upper_case("HTTPS_PROXY", "http://SHELL");
    machine.folder.write("docker/config.json", R"({"proxies":{
        "unix:///own.sock":{"httpProxy":"http://u:p@own"},
        "default":{"httpsProxy":"http://config","noProxy":"localhost,.corp","ftpProxy":7}}})");
    const auto listed = [](const std::string& socket, ProxyEnvironment use) {
        std::map<std::string, std::string> out;
        for (const auto& [name, value] : proxies_for({socket, ""}, use))
            CHECK(out.emplace(name, value.reveal()).second);
        return out;
    };
    using Map = std::map<std::string, std::string>;
    CHECK(listed("/own.sock", ProxyEnvironment::ignore) ==
          Map{{"HTTP_PROXY", "http://u:p@own"}, {"http_proxy", "http://u:p@own"}});
    const Map config{{"HTTPS_PROXY", "http://config"},
                     {"https_proxy", "http://config"},
                     {"NO_PROXY", "localhost,.corp"},
                     {"no_proxy", "localhost,.corp"}};
    CHECK(listed("/other.sock", ProxyEnvironment::ignore) == config);
    const auto both = listed("/other.sock", ProxyEnvironment::use);
    CHECK(both.at("https_proxy") == "http://shell");
    CHECK(both.at("HTTPS_PROXY") == "http://shell");
    CHECK(both.at("no_proxy") == "localhost,.corp");
}

TEST_CASE("without a word from anybody the usual sockets are tried in their order, and named when none is there") {
    const Machine machine;
    if (::access("/var/run/docker.sock", F_OK) == 0 || ::access("/run/podman/podman.sock", F_OK) == 0) {
        MESSAGE("this machine has an engine at the usual place; the rest is not tried");
        return;
    }
    const std::string root = machine.folder.path();
    const Error error = refusal_of("");
    CHECK(error.fault() == Fault::unavailable);
    CHECK(error.message() == "there is no container engine here; tried /var/run/docker.sock, " + root +
                                 "/run/docker.sock, " + root + "/home/.docker/run/docker.sock, " + root +
                                 "/run/podman/podman.sock, /run/podman/podman.sock");
    make_socket(root + "/run/podman/podman.sock");
    CHECK(locate("").origin == "rootless podman");
    make_socket(root + "/home/.docker/run/docker.sock");
    CHECK(locate("").origin == "Docker Desktop");
    machine.folder.write("run/docker.sock", "a file is no socket");
    CHECK(locate("").origin == "Docker Desktop");
    std::filesystem::remove(root + "/run/docker.sock");
    make_socket(root + "/run/docker.sock");
    CHECK(locate("").origin == "rootless Docker");
    CHECK(locate("").socket == root + "/run/docker.sock");
}

TEST_SUITE_END();
