// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <sys/wait.h>

#include <vector>

#include "git/git.hpp"
#include "git/program.hpp"
#include "sandbox.hpp"

using namespace wasmx;
using git::Repository;
using test::error_of;
using test::Sandbox;
namespace fs = std::filesystem;

namespace {

void make_remote(const Sandbox& box) {
    box.sh(R"(git init -q -b main remote; cd remote; echo 1 >a; git add a; git commit -qm one
        git tag light; git tag -am note annotated; git branch topic/x
        git update-ref refs/pull/1/head HEAD)");
}

Repository mirror(const Sandbox& box) { return Repository::mirror((box / "remote").string(), box / "m/r.git", {}, {}); }

std::vector<std::string> names_in(const fs::path& folder) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace

TEST_SUITE_BEGIN("git");

TEST_CASE("a mirror is cloned, then fetched, and loses what the remote has lost") {
    const Sandbox box;
    make_remote(box);
    std::string log;
    const std::string url = "file://" + (box / "remote").string();
    const auto keep = [&log](std::string_view line) { log += std::string(line) + "\n"; };
    const Repository first = Repository::mirror(url, box / "m/r.git", {}, keep);
    CHECK(first.ref_names() == std::vector<std::string>{"annotated", "light", "main", "topic/x"});
    CHECK(first.find_commit("main")->id == box.sh("git -C remote rev-parse main"));
    CHECK(first.find_commit("origin/topic/x"));
    CHECK_FALSE(first.find_commit("refs/pull/1/head"));

    box.sh(R"(cd remote; git branch -qD topic/x; git branch topic; git tag -d light >/dev/null
        git commit -q --amend -m other --allow-empty; git tag -f annotated HEAD >/dev/null)");
    const Repository second = Repository::mirror(url, box / "m/r.git", {}, keep);
    CHECK(second.ref_names() == std::vector<std::string>{"annotated", "main", "topic"});
    CHECK(second.find_commit("main")->id == box.sh("git -C remote rev-parse main"));
    CHECK(second.find_commit("annotated")->id == second.find_commit("main")->id);
    CHECK(log == "cloning " + url + "\nfetching " + url + "\n");
    CHECK(names_in(box / "m") == std::vector<std::string>{"r.git", "r.git.lock"});
}

TEST_CASE("what an interrupted clone left is not taken for whole") {
    const Sandbox box;
    make_remote(box);
    SUBCASE("beside the place") { box.sh("mkdir -p m/r.git.part-a/objects; git init -q --bare m/r.git.part-b"); }
    SUBCASE("in the place") { box.sh("mkdir -p m/r.git/objects; echo 'ref: refs/heads/main' >m/r.git/HEAD"); }
    SUBCASE("a file in the place") { box.sh("mkdir m; echo >m/r.git"); }
    CHECK(mirror(box).find_commit("annotated"));
    CHECK(names_in(box / "m") == std::vector<std::string>{"r.git", "r.git.lock"});
}

TEST_CASE("the locks of a git that was killed are in nobody's way") {
    const Sandbox box;
    make_remote(box);
    mirror(box);
    box.sh(
        "cd m/r.git; touch packed-refs.lock refs/heads/main.lock; git -C ../../remote commit -q --allow-empty -m two");
    CHECK(mirror(box).find_commit("main")->id == box.sh("git -C remote rev-parse main"));
}

TEST_CASE("a clone that fails or is stopped leaves nothing") {
    const Sandbox box;
    make_remote(box);
    const Error error = error_of([&] { Repository::mirror((box / "nowhere").string(), box / "m/r.git", {}, {}); });
    CHECK(error.fault() == Fault::not_found);
    CHECK(error.message().starts_with("fetching " + (box / "nowhere").string() + ": fatal: "));
    CHECK(names_in(box / "m") == std::vector<std::string>{"r.git.lock"});
    std::stop_source stop;
    const auto stop_at_once = [&stop](std::string_view) { stop.request_stop(); };
    CHECK(error_of([&] {
              Repository::mirror((box / "remote").string(), box / "m/r.git", stop.get_token(), stop_at_once);
          }).fault() == Fault::interrupted);
    CHECK(names_in(box / "m") == std::vector<std::string>{"r.git.lock"});
}

TEST_CASE("a mirror stays as it was when the remote is gone") {
    const Sandbox box;
    make_remote(box);
    const std::string id = mirror(box).find_commit("main")->id;
    box.sh("mv remote away");
    CHECK_THROWS_AS(mirror(box), Error);
    const auto kept = Repository::find_mirror(box / "m/r.git", {});
    REQUIRE(kept);
    CHECK(kept->find_commit("main")->id == id);
}

TEST_CASE("processes that mirror at once") {
    const Sandbox box;
    make_remote(box);
    std::vector<pid_t> children;
    for (int i = 0; i < 4; ++i) {
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            try {
                const bool good = mirror(box).find_commit("annotated").has_value();
                ::_exit(good ? 0 : 1);
            } catch (...) {
                ::_exit(2);
            }
        }
        children.push_back(child);
    }
    for (const pid_t child : children) {
        int status = -1;
        REQUIRE(::waitpid(child, &status, 0) == child);
        CHECK(status == 0);
    }
    CHECK(names_in(box / "m") == std::vector<std::string>{"r.git", "r.git.lock"});
}

TEST_CASE("submodules are not fetched") {
    const Sandbox box;
    make_remote(box);
    box.sh(
        R"(cd remote; git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),sub
        printf '[submodule "sub"]\n\tpath = sub\n\turl = file:///nowhere\n' >.gitmodules
        git add .gitmodules; git commit -qm sub; git config fetch.recurseSubmodules true)");
    const Repository repository = mirror(box);
    const auto entries = repository.tree(*repository.find_commit("main"));
    REQUIRE(entries.size() == 3);
    CHECK(entries[2].path == "sub");
    CHECK(entries[2].kind == git::TreeEntry::Kind::submodule);
    CHECK(entries[2].size == 0);
}

TEST_CASE("what a remote says of a ref, without a clone") {
    const Sandbox box;
    make_remote(box);
    box.sh("cd remote; git checkout -q topic/x; git commit -q --allow-empty -m two; git branch x; git tag a/main");
    const std::string url = (box / "remote").string();
    const auto found = [&url](const std::string& ref) {
        return git::find_remote_commit(url, ref, {}).value_or(git::RemoteCommit{"none", "none"});
    };
    const auto ask = [&found](const std::string& ref) { return found(ref).id; };
    const std::string one = box.sh("git -C remote rev-parse main");
    const std::string two = box.sh("git -C remote rev-parse x");
    CHECK(ask("main") == one);
    CHECK(ask("light") == one);
    CHECK(ask("annotated") == one);  // the commit, not the tag object
    CHECK(ask("topic/x") == two);
    CHECK(ask("HEAD") == two);
    CHECK(ask("refs/heads/main") == one);
    CHECK(ask("heads/main") == one);
    CHECK(ask("origin/main") == one);  // as in a work tree
    CHECK(ask(std::string(40, 'a')) == std::string(40, 'a'));
    CHECK(found("main").ref == "refs/heads/main");
    CHECK(found("origin/main").ref == "refs/heads/main");
    CHECK(found("annotated").ref == "refs/tags/annotated");
    CHECK(found("HEAD").ref == "HEAD");
    CHECK(found(one).ref.empty());
    for (const char* none : {"nowhere", "mai", "main*", "*", "--all", "", "HEAD~1", "abcdef0", "origin/light"})
        CHECK(ask(none) == "none");
    CHECK(git::remote_ref_names(url, {}) ==
          std::vector<std::string>{"main", "topic/x", "x", "a/main", "annotated", "light"});
}

TEST_CASE("URLs that are fetched from, and those that are not") {
    for (const char* url : {"https://example.org/x.git", "ssh://git@example.org/x", "git://example.org/x", "file:///x",
                            "git@example.org:a/b.git", "me@host:x"}) {
        CAPTURE(url);
        CHECK(git::is_url(url));
    }
    for (const char* text : {"",
                             "x",
                             "/x",
                             "./x",
                             "../a@b:c",
                             "http://example.org/x",
                             "ftp://example.org/x",
                             "ext::sh -c x",
                             "a@b::c",
                             "-u@h:x",
                             "--upload-pack=x",
                             "u@-h:x",
                             "host:path",
                             "C:\\x",
                             "@h:x",
                             "u@:x",
                             "u@h:",
                             "://x",
                             "ssh",
                             "a/b@c:d",
                             "fd::17",
                             "transport://x"}) {
        CAPTURE(text);
        CHECK_FALSE(git::is_url(text));
    }
    for (const char* url : {"ext::sh -c touch% /tmp/x", "--upload-pack=touch x", "http://example.org/x", ""}) {
        CAPTURE(url);
        CHECK(error_of([&] { git::find_remote_commit(url, "main", {}); }).fault() == Fault::usage);
    }
}

TEST_CASE("a rewritten URL does not get around the list of protocols") {
    const Sandbox box;
    box.sh("git config --global 'url.ext::sh -c touch% ran% #.insteadOf' https://example.invalid/");
    const Error error = error_of([&] { git::find_remote_commit("https://example.invalid/x", "main", {}); });
    CHECK(error.fault() == Fault::denied);
    CHECK(error.message().find("transport 'ext' not allowed") != std::string::npos);
}

TEST_CASE("failures by what git says of them, without passwords") {
    struct Row {
        const char* said;
        Fault fault;
        const char* message;
    };
    const Row rows[] = {
        {"fatal: unable to access 'https://u:pw@h.org/x?token=1/': Could not resolve host: h.org\n", Fault::unavailable,
         "asking: fatal: unable to access 'https://h.org/x?…': Could not resolve host: h.org"},
        {"fatal: could not read Username for 'https://h.org': terminal prompts disabled\n", Fault::denied,
         "asking: fatal: could not read Username for 'https://h.org': terminal prompts disabled"},
        {"git@h.org: Permission denied (publickey).\nfatal: Could not read from remote repository.\n", Fault::denied,
         "asking: fatal: Could not read from remote repository."},
        {"remote: Repository not found.\nfatal: repository 'https://h.org/x/' not found\n", Fault::not_found,
         "asking: fatal: repository 'https://h.org/x/' not found"},
        {"Receiving: 1%\rReceiving: 2%\r\x1b[31merror: RPC failed\x1b[m\nfatal: early EOF\n", Fault::unavailable,
         "asking: error: RPC failed"},
        {"fatal: remote error: upload-pack: not our ref a\nfatal: the remote end hung up unexpectedly\n", Fault::failed,
         "asking: fatal: remote error: upload-pack: not our ref a"},
        {"", Fault::failed, "asking: git ended with exit code 128"},
        {"what?\n", Fault::failed, "asking: what?"},
    };
    for (const Row& row : rows) {
        const Error error = git::failure("asking", {.exit_code = 128, .out = {}, .err = row.said});
        CAPTURE(row.said);
        CHECK(error.fault() == row.fault);
        CHECK(error.message() == row.message);
    }
    CHECK(git::last_lines("a\n\nb\rc\n", 2) == std::vector<std::string>{"b", "c"});
}

TEST_SUITE_END();
