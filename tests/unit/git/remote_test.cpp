// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <functional>
#include <optional>

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

/// A git that notes its command line, and what the real one would say to the host (and to another one) in its place.
struct Listening {
    Listening() {
        box.sh(R"(mkdir bin; cat >bin/git <<END
#!/bin/bash
tr '\\0' '\\n' </proc/\$\$/cmdline >>$PWD/argv
options=()
for word in "\$@"; do
    case \$word in config) exit 1 ;; init) exec $(command -v git) "\$@" ;; ls-remote | fetch) break ;; esac
    options+=("\$word")
done
for host in example.invalid elsewhere.invalid; do
    printf 'protocol=https\\nhost=%s\\n\\n' \$host | $(command -v git) "\${options[@]}" credential fill >$PWD/\$host 2>&1
done
echo "fatal: unable to access '\${@: -1}'" >&2
exit 128
END
chmod +x bin/git)");
        path.emplace("PATH", (box / "bin").string() + ":" + ::getenv("PATH"));
    }
    /// The user's, which knows a password of every host.
    void own_helper() const {
        box.write(".gitconfig", "[credential]\n\thelper = \"!f() { cat >/dev/null; echo password=own; }; f\"\n");
    }
    /// The command lines of one call.
    std::string argv() const { return box.sh("cat argv; rm argv"); }
    std::string told(const std::string& host) const { return box.sh("cat " + host); }

    Sandbox box;
    std::optional<Variable> path;
};

}  // namespace

TEST_SUITE_BEGIN("git");

TEST_CASE("a password goes to git by its environment, for that host alone") {
    const Listening git;
    git.own_helper();
    const std::string secret = "https://us%20er:s3cr%65t%2F'$x@example.invalid/a.git";
    const std::function<void()> calls[] = {
        [&] { git::find_remote_commit(secret, "main", {}); },
        [&] { git::Repository::mirror(secret, git.box / "m.git", {}, {}); },
        [&] {
            git::Repository::fetch_commit(secret, {std::string(40, 'a'), "refs/heads/main"}, git.box / "s.git", {}, {});
        },
    };
    for (const auto& call : calls) {
        const Error error = error_of(call);
        CHECK(error.message().find("s3cr") == std::string::npos);
        const std::string argv = git.argv();
        CHECK(argv.find("https://example.invalid/a.git") != std::string::npos);
        for (const char* part : {"s3cr", "us%20er", "us er"}) CHECK(argv.find(part) == std::string::npos);
        CHECK(git.told("example.invalid") ==
              "protocol=https\nhost=example.invalid\nusername=us er\npassword=s3cret/'$x");
        CHECK(git.told("elsewhere.invalid").find("s3cr") == std::string::npos);
    }
    CHECK(git.box.sh("grep -r s3cr . || true").find("m.git") == std::string::npos);
}

TEST_CASE("a user name alone leaves the password to the user's own helper, and is no part of a command line") {
    const Listening git;
    git.own_helper();
    const Variable count("GIT_CONFIG_COUNT", "1");
    const Variable key("GIT_CONFIG_KEY_0", "user.name");
    const Variable value("GIT_CONFIG_VALUE_0", "x");
    CHECK_THROWS_AS(git::find_remote_commit("https://t0ken@example.invalid/a.git", "main", {}), Error);
    CHECK(git.argv().find("t0ken") == std::string::npos);
    CHECK(git.told("example.invalid") == "protocol=https\nhost=example.invalid\nusername=t0ken\npassword=own");
}

TEST_CASE("URLs that git would misread") {
    const Sandbox box;
    for (const std::string text : {"--upload-pack=touch x", "-x", "ext::sh -c touch% x", "http://example.invalid/x",
                                   "ftp://example.invalid/x", "x", "https://user:pa/ss@example.invalid/x",
                                   "https://user:p%0aw@example.invalid/x", "https://u%00:p@example.invalid/x"}) {
        CAPTURE(text);
        const Error error = error_of([&] { git::find_remote_commit(text, "main", {}); });
        CHECK(error.fault() == Fault::usage);
        CHECK((error.message() + error.hint()).find("pa/ss") == std::string::npos);
    }
}

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
