// SPDX-License-Identifier: Apache-2.0
#include <chrono>

#include "git/git.hpp"
#include "sandbox.hpp"
#include "support/folder.hpp"

using namespace wasmx;
using test::error_of;
using test::Sandbox;
using test::Variable;

namespace {

constexpr const char* url = "ssh://example.invalid/x.git";

/// Programs that note how they were called, in place of ssh.
struct Ssh {
    Ssh() {
        box.sh(R"(mkdir bin; for name in ssh theirs; do
            printf '#!/bin/sh\necho "%s $*" >>%s/calls\nexit 1\n' $name "$PWD" >bin/$name; chmod +x bin/$name; done)");
    }
    /// How one was called by a question, less the host.
    std::string call() const {
        CHECK_THROWS_AS(git::find_remote_commit(url, "main", {}), Error);
        return called();
    }
    std::string called() const {
        const std::string said = box.sh("touch calls; head -n 1 calls; rm calls");
        return said.substr(0, said.find(" example.invalid"));
    }

    Sandbox box;
    Variable path{"PATH", (box / "bin").string() + ":" + ::getenv("PATH")};
    Variable command{"GIT_SSH_COMMAND", std::nullopt};
    Variable program{"GIT_SSH", std::nullopt};
};

}  // namespace

TEST_SUITE_BEGIN("git");

TEST_CASE("ssh asks nothing and does not wait for ever") {
    const Ssh ssh;
    const std::string ours = "ssh -o BatchMode=yes -o ConnectTimeout=15 -o ServerAliveInterval=20";
    CHECK(ssh.call().starts_with(ours));
    CHECK_THROWS_AS(git::Repository::mirror(url, ssh.box / "m.git", {}, {}), Error);
    CHECK(ssh.called().starts_with(ours));
    CHECK_THROWS_AS(
        git::Repository::fetch_commit(url, {std::string(40, 'a'), "refs/heads/main"}, ssh.box / "s.git", {}, {}),
        Error);
    CHECK(ssh.called().starts_with(ours));
}

TEST_CASE("the ssh that the user has chosen is taken as it is") {
    const Ssh ssh;
    SUBCASE("GIT_SSH_COMMAND") {
        const Variable chosen("GIT_SSH_COMMAND", "theirs -v");
        CHECK(ssh.call().starts_with("theirs -v"));
    }
    SUBCASE("GIT_SSH") {
        const Variable chosen("GIT_SSH", (ssh.box / "bin/theirs").string());
        CHECK(ssh.call().starts_with("theirs"));
    }
    SUBCASE("core.sshCommand") {
        ssh.box.sh("git config --global core.sshCommand 'theirs -4'");
        CHECK(ssh.call().starts_with("theirs -4"));
        CHECK_THROWS_AS(git::Repository::mirror(url, ssh.box / "m.git", {}, {}), Error);
        CHECK(ssh.called().starts_with("theirs -4"));
    }
}

TEST_CASE("a remote that gives no answer") {
    const Sandbox box;
    const Variable silent("GIT_SSH_COMMAND", "exec sleep 20 #");
    const auto started = std::chrono::steady_clock::now();
    const Error error =
        error_of([] { git::find_remote_commit("ssh://u:pw@example.invalid/x", "main", {}, std::chrono::seconds(1)); });
    CHECK(std::chrono::steady_clock::now() - started < std::chrono::seconds(10));
    CHECK(error.fault() == Fault::unavailable);
    CHECK(error.message() == "asking ssh://example.invalid/x: git gave no answer in 1 s");
    CHECK(error.hint() == "check the network and run the same command again");
    CHECK(git::answer_limit == std::chrono::seconds(30));
}

TEST_SUITE_END();
