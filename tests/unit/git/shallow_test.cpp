// SPDX-License-Identifier: Apache-2.0
#include <sys/wait.h>

#include <vector>

#include "git/git.hpp"
#include "sandbox.hpp"

using namespace wasmx;
using git::Commit;
using git::RemoteCommit;
using git::Repository;
using test::error_of;
using test::Sandbox;
namespace fs = std::filesystem;

namespace {

/// Three commits, the first with a tag, and a note of each pack that is made of them.
struct Remote {
    Remote() {
        box.sh(R"(git init -q -b main r; cd r; for n in one two three; do echo $n >a; echo $n >$n; git add -A
            git commit -qm $n; done; git tag -am note annotated HEAD~2; cd ..
            printf '#!/bin/sh\necho >>%s/packs\nexec "$@"\n' "$PWD" >hook; chmod +x hook
            git config --global uploadpack.packObjectsHook "$PWD/hook")");
        url = "file://" + (box / "r").string();
    }
    std::string id(const std::string& ref) const { return box.sh("git -C r rev-parse " + ref); }
    std::optional<Commit> fetch(const RemoteCommit& wanted) const {
        return Repository::fetch_commit(url, wanted, box / "m/s.git", {}, {});
    }
    /// By a name, as it is now.
    std::optional<Commit> fetch(const std::string& ref) const { return fetch(*git::find_remote_commit(url, ref, {})); }
    Repository kept() const {
        auto repository = Repository::find_mirror(box / "m/s.git", {});
        REQUIRE(repository);
        return *std::move(repository);
    }
    std::string packs() const { return box.sh("touch packs; wc -l <packs"); }
    std::string names() const { return box.sh("ls m"); }

    Sandbox box;
    std::string url;
};

constexpr const char* whole = "s.git\ns.git.lock";

}  // namespace

TEST_SUITE_BEGIN("git");

TEST_CASE("one commit of a remote, by each kind of name") {
    const Remote remote;
    std::string name;
    std::string meant;
    SUBCASE("branch") { name = meant = "main"; }
    SUBCASE("annotated tag") { (name = "annotated", meant = "main~2"); }
    SUBCASE("HEAD") {
        remote.box.sh("git -C r checkout -q --detach main~1");
        (name = "HEAD", meant = "main~1");
    }
    SUBCASE("id of a tip") { name = meant = remote.id("main"); }
    SUBCASE("id that is no tip") { name = meant = remote.id("main~1"); }
    const auto commit = remote.fetch(name);
    REQUIRE(commit);
    CHECK(commit->id == remote.id(meant));
    CHECK(commit->time == 1700000000);
    CHECK(remote.kept().find_kept_commit(commit->id)->id == commit->id);
    CHECK(remote.kept().has_files_of(*commit));
    CHECK(remote.box.sh("git -C m/s.git rev-list --count " + commit->id) == "1");  // no history
    CHECK(remote.names() == whole);
}

TEST_CASE("commits that were fetched one by one stay, and are not fetched again") {
    const Remote remote;
    for (const char* name : {"main", "annotated", "main~1"})
        REQUIRE(remote.fetch(remote.id(std::string(name) + "^{}")));
    remote.box.sh("git -C m/s.git gc -q --prune=now");
    CHECK(remote.packs() == "3");
    std::string log;
    for (const char* name : {"main", "main~1", "main~2"}) {
        const auto commit = remote.kept().find_kept_commit(remote.id(name));
        REQUIRE(commit);
        CHECK(remote.kept().has_files_of(*commit));
        const RemoteCommit wanted{commit->id, "refs/heads/main"};
        CHECK(Repository::fetch_commit(remote.url, wanted, remote.box / "m/s.git", {}, [&](std::string_view line) {
                  log += line;
              })->id == commit->id);
    }
    CHECK(remote.packs() == "3");
    CHECK(log.empty());
    CHECK_FALSE(remote.kept().find_kept_commit(std::string(40, 'a')));
}

TEST_CASE("a branch that has moved since it was asked for: the commit is the one that arrived") {
    const Remote remote;
    const auto before = git::find_remote_commit(remote.url, "main", {});
    REQUIRE(before);
    remote.box.sh("cd r; echo four >a; git commit -qam four");
    const auto commit = remote.fetch(*before);
    REQUIRE(commit);
    CHECK(commit->id == remote.id("main"));
    CHECK(remote.kept().find_file(*commit, "a") == "four\n");
    CHECK(remote.kept().find_kept_commit(commit->id));
    CHECK_FALSE(remote.kept().find_kept_commit(before->id));
}

TEST_CASE("a server that does not give out the commit") {
    const Remote remote;
    std::string id = remote.id("main~1");
    SUBCASE("for being too old for ids that are no tip") { remote.box.sh("git config --global protocol.version 0"); }
    SUBCASE("for not having it") { id = std::string(40, 'a'); }
    SUBCASE("for its being no commit") { id = remote.id("main:a"); }
    CHECK_FALSE(remote.fetch(RemoteCommit{id, {}}));
    CHECK(remote.names() == "s.git.lock");
    const std::string tip = remote.fetch("main")->id;
    CHECK_FALSE(remote.fetch(RemoteCommit{id, {}}));
    CHECK(remote.kept().find_kept_commit(tip));
}

TEST_CASE("what a killed fetch of a commit left is not taken for whole, and is in nobody's way") {
    const Remote remote;
    SUBCASE("beside the place") { remote.box.sh("mkdir -p m/s.git.part-a/objects; git init -q --bare m/s.git.part-b"); }
    SUBCASE("in the place") { remote.box.sh("mkdir -p m/s.git/objects; echo 'ref: refs/heads/main' >m/s.git/HEAD"); }
    SUBCASE("locks and half a pack") {
        REQUIRE(remote.fetch("annotated"));
        remote.box.sh(R"(cd m/s.git; touch shallow.lock packed-refs.lock refs/wasmx/arriving.lock
            touch objects/pack/tmp_pack_x)");
    }
    SUBCASE("the commit without its files") {
        REQUIRE(remote.fetch("annotated"));
        remote.box.sh("git -C r cat-file commit main | git -C m/s.git hash-object -w -t commit --stdin");
        CHECK_FALSE(remote.kept().find_kept_commit(remote.id("main")));
    }
    const auto commit = remote.fetch("main");
    REQUIRE(commit);
    CHECK(commit->id == remote.id("main"));
    CHECK(remote.kept().find_file(*commit, "a") == "three\n");
    CHECK(remote.names() == whole);
    CHECK(remote.box.sh("cd m/s.git; find . -name '*.lock'; ls objects/pack | grep tmp || true").empty());
}

TEST_CASE("a fetch of a commit that breaks off or is stopped leaves nothing new") {
    const Remote remote;
    std::string left = "s.git.lock";
    SUBCASE("the first") {}
    SUBCASE("a later one") {
        REQUIRE(remote.fetch("annotated"));
        left = whole;
    }
    remote.box.sh("cp hook good; printf '#!/bin/sh\n\"$@\" | head -c 60; exit 1\n' >hook");
    CHECK_THROWS_AS(remote.fetch("main"), Error);
    CHECK(remote.names() == left);
    std::stop_source stop;
    const auto stop_at_once = [&stop](std::string_view) { stop.request_stop(); };
    const RemoteCommit wanted{remote.id("main"), "refs/heads/main"};
    CHECK(error_of([&] {
              Repository::fetch_commit(remote.url, wanted, remote.box / "m/s.git", stop.get_token(), stop_at_once);
          }).fault() == Fault::interrupted);
    CHECK(remote.names() == left);
    remote.box.sh("cp good hook");
    if (left == whole) {
        CHECK(remote.kept().find_kept_commit(remote.id("annotated^{}")));
        CHECK_FALSE(remote.kept().find_kept_commit(wanted.id));
    }
    CHECK(remote.fetch("main")->id == wanted.id);
}

TEST_CASE("objects come as a whole pack, however few they are") {
    const Remote remote;
    for (const char* name : {"annotated", "main"}) REQUIRE(remote.fetch(name));
    const auto mirror = [&] { Repository::mirror(remote.url, remote.box / "m/s.git", {}, {}); };
    mirror();
    remote.box.sh("cd r; echo four >a; git commit -qam four");
    mirror();
    CHECK(remote.box.sh("ls m/s.git/objects") == "info\npack");
}

TEST_CASE("processes that fetch the same commit at once: one does") {
    const Remote remote;
    const RemoteCommit wanted{remote.id("main"), "refs/heads/main"};
    std::vector<pid_t> children;
    for (int i = 0; i < 4; ++i) {
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            try {
                const auto commit = remote.fetch(wanted);
                ::_exit(commit && commit->id == wanted.id ? 0 : 1);
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
    CHECK(remote.packs() == "1");
    CHECK(remote.names() == whole);
}

TEST_CASE("a remote that cannot be reached is no server that refuses") {
    const Remote remote;
    remote.box.sh("mv r away");
    for (const RemoteCommit& wanted :
         {RemoteCommit{std::string(40, 'a'), {}}, RemoteCommit{std::string(40, 'a'), "refs/heads/main"}})
        CHECK(error_of([&] { remote.fetch(wanted); }).fault() == Fault::not_found);
}

TEST_SUITE_END();
