// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <cctype>
#include <thread>
#include <vector>

#include "../git/sandbox.hpp"
#include "git/git.hpp"
#include "source/source.hpp"

using namespace wasmx;
using source::Tree;
using test::error_of;
using test::Sandbox;
using test::Told;

namespace {

struct Remote {
    Remote() {
        box.sh(
            R"(git init -q -b main r; cd r; echo one >Makefile; git add -A; git commit -qm one; git tag v1; git tag -am note v1-note
            git branch feature/one; cd ..; mkdir srv; git clone -q --mirror r srv/module.git
            printf '#!/bin/sh\necho >>%s/packs\nexec "$@"\n' "$PWD" >hook; chmod +x hook
            git config --global uploadpack.packObjectsHook "$PWD/hook")");
        url = "file://" + (box / "srv/module.git").string();
    }
    void add_commit() const {
        box.sh("cd r; echo two >Makefile; git commit -qam two; git push -q ../srv/module.git main");
    }
    std::string id(const std::string& ref) const { return box.sh("git -C srv/module.git rev-parse " + ref); }
    std::unique_ptr<Tree> open(const std::string& ref, bool may_fetch = true) const {
        Told told;
        return source::open({.location = url, .ref = ref, .may_fetch = may_fetch}, told, {});
    }
    /// How often something was transferred.
    std::string packs() const { return box.sh("touch packs; wc -l <packs"); }
    /// What the cache has, without the hash.
    std::string cached() const {
        return box.sh("cd cache/wasmx-image/git 2>/dev/null && ls -d *.git | sed 's/-[0-9a-f]*//' || true");
    }
    /// The cache of an earlier version.
    void mirror() const { open(id("v1").substr(0, 8)); }

    Sandbox box;
    std::string url;
};

}  // namespace

TEST_SUITE_BEGIN("source");

TEST_CASE("a URL is fetched commit by commit, and up to date each time") {
    const Remote remote;
    const auto first = remote.open("");
    CHECK(first->description() == remote.url + " at main");
    CHECK(first->revision() == remote.id("main"));
    CHECK(first->find_file("Makefile") == "one\n");
    CHECK(first->url().empty());  // a folder of this machine
    remote.add_commit();
    const auto second = remote.open("main");
    CHECK(second->revision() == remote.id("main"));
    CHECK(second->find_file("Makefile") == "two\n");
    CHECK(first->find_file("Makefile") == "one\n");  // still what it was
    CHECK(remote.packs() == "2");
    // One or the other commit, all of them.
    for (const char* ref : {"main", "v1", "v1-note", "HEAD", "feature/one", "refs/heads/main", "origin/main"}) {
        CAPTURE(ref);
        const bool is_two = std::string_view(ref).ends_with("main") || std::string_view(ref) == "HEAD";
        const auto tree = remote.open(ref);
        CHECK(tree->revision() == remote.id(is_two ? "main" : "v1"));
        CHECK(tree->find_file("Makefile") == (is_two ? "two\n" : "one\n"));
        CHECK(tree->date() == 1700000000);
    }
    CHECK(remote.packs() == "2");
    CHECK(remote.cached() == "module.shallow.git");
}

TEST_CASE("a whole commit id, of a tip or not, and without network when it is in the cache") {
    const Remote remote;
    remote.add_commit();
    remote.box.sh("git -C srv/module.git tag -d v1 v1-note; git -C srv/module.git branch -D feature/one");
    const std::string tip = remote.id("main");
    const std::string other = remote.id("main~1");
    CHECK(remote.open(other)->find_file("Makefile") == "one\n");
    CHECK(remote.open(tip)->find_file("Makefile") == "two\n");
    CHECK(remote.cached() == "module.shallow.git");
    CHECK(remote.packs() == "2");
    remote.box.sh("mv srv away");
    CHECK(remote.open(other)->revision() == other);
    CHECK(remote.open(tip, false)->find_file("Makefile") == "two\n");
    CHECK_THROWS_AS(remote.open("main"), Error);
}

TEST_CASE("an abbreviated id is looked for in the whole history") {
    const Remote remote;
    remote.add_commit();
    const std::string id = remote.id("main~1");
    CHECK(remote.open(id.substr(0, 8))->revision() == id);
    CHECK(remote.cached() == "module.git");
    CHECK(remote.packs() == "1");
    std::string upper = id;
    std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) { return std::toupper(c); });
    for (const std::string& name : {id.substr(0, 8), upper.substr(0, 10), upper})
        CHECK(remote.open(name)->find_file("Makefile") == "one\n");
    CHECK(remote.packs() == "1");
    CHECK(error_of([&] { remote.open("abcdef12"); }).fault() == Fault::not_found);

    // A branch of such a name goes before, also when the cache knows it from another time.
    remote.box.sh("git -C srv/module.git branch abcdef12 main");
    CHECK(remote.open("abcdef12")->revision() == remote.id("main"));
    remote.open("abcdef13", false);
    remote.box.sh("git -C cache/wasmx-image/git/module-*[0-9a-f].git branch abcdef13 main");
    CHECK_FALSE(remote.open("abcdef13", false)->has_files());
}

TEST_CASE("a mirror of an earlier version is used for what it has") {
    const Remote remote;
    remote.mirror();
    CHECK(remote.cached() == "module.git");
    const std::string packs = remote.packs();
    SUBCASE("whole") {
        CHECK(remote.open("main")->find_file("Makefile") == "one\n");
        CHECK(remote.open(remote.id("v1"))->find_file("Makefile") == "one\n");
        CHECK(remote.packs() == packs);
        CHECK(remote.cached() == "module.git");
        remote.add_commit();
        CHECK(remote.open("main")->find_file("Makefile") == "two\n");
        CHECK(remote.cached() == "module.git\nmodule.shallow.git");
    }
    SUBCASE("a commit without its files, as a fetch leaves it that was killed") {
        remote.add_commit();
        remote.box.sh(R"(cd cache/wasmx-image/git/module-*.git
            git -C ../../../../srv/module.git cat-file commit main | git hash-object -w -t commit --stdin)");
        CHECK_FALSE(remote.open(remote.id("main"), false)->has_files());
        CHECK(remote.open("main")->find_file("Makefile") == "two\n");
        CHECK(remote.cached() == "module.git\nmodule.shallow.git");
    }
}

TEST_CASE("a server that does not give out single commits is cloned whole") {
    const Remote remote;
    remote.add_commit();
    remote.box.sh("git -C srv/module.git branch -D feature/one; git -C srv/module.git tag -d v1 v1-note");
    SUBCASE("by an id that is no tip") {
        remote.box.sh("git config --global protocol.version 0");
        const std::string id = remote.id("main~1");
        CHECK(remote.open(id)->revision() == id);
        CHECK(remote.open(id)->find_file("Makefile") == "one\n");
        CHECK(remote.packs() == "1");
        CHECK(remote.cached() == "module.git");
        CHECK(remote.open("main")->revision() == remote.id("main"));
    }
    SUBCASE("not at all") {
        // Asked what there is, it answers; asked for one commit, it refuses; the third call is the clone.
        remote.box.write("old", R"sh(#!/bin/sh
            cd "${0%/*}"; echo >>calls
            [ $(wc -l <calls) != 2 ] || { printf '001eERR no shallow clones here'; exit 1; }
            for command; do :; done
            eval "$command")sh");
        remote.box.sh(
            "chmod +x old; git config --global core.sshCommand $PWD/old; git config --global ssh.variant ssh");
        std::string ref;
        SUBCASE("a branch") { ref = "main"; }
        SUBCASE("HEAD") { ref = "HEAD"; }
        const std::string url = "ssh://example.invalid" + (remote.box / "srv/module.git").string();
        Told told;
        const auto tree = source::open({.location = url, .ref = ref}, told, {});
        CHECK(tree->revision() == remote.id("main"));
        CHECK(tree->find_file("Makefile") == "two\n");
        CHECK(remote.cached() == "module.git");
        CHECK(remote.box.sh("wc -l <calls") == "3");
    }
}

TEST_CASE("a commit that the remote does not have") {
    const Remote remote;
    const std::string id(40, 'a');
    const Error error = error_of([&] { remote.open(id); });
    CHECK(error.fault() == Fault::not_found);
    CHECK(error.message() == "no branch, tag or commit \"" + id + "\" in " + remote.url);
}

TEST_CASE("a dry run asks the remote and fetches nothing") {
    const Remote remote;
    const auto absent = remote.open("v1-note", false);
    CHECK_FALSE(absent->has_files());
    CHECK(absent->revision() == remote.id("v1"));
    CHECK_FALSE(absent->find_file("Makefile"));
    CHECK_FALSE(absent->find_tree_id(""));
    CHECK(absent->extent().files == 0);
    CHECK(error_of([&] { absent->members("", "", Tree::Ignore::none); }).fault() == Fault::bug);
    CHECK_FALSE(remote.open(remote.id("v1"), false)->has_files());
    CHECK_FALSE(remote.open("abcdef12", false)->revision());  // may be a commit; that cannot be asked
    CHECK(remote.cached().empty());
    CHECK(remote.packs() == "0");

    remote.open("main");
    const auto present = remote.open("main", false);
    CHECK(present->has_files());
    CHECK(present->find_file("Makefile") == "one\n");
    CHECK(remote.open(remote.id("v1"), false)->has_files());
    CHECK_FALSE(remote.open(remote.id("v1").substr(0, 8), false)->has_files());  // of how many that begin so?
    remote.mirror();
    CHECK(remote.open(remote.id("v1").substr(0, 8), false)->has_files());
    const std::string packs = remote.packs();
    remote.add_commit();
    const auto moved = remote.open("main", false);
    CHECK(moved->revision() == remote.id("main"));
    CHECK_FALSE(moved->has_files());
    CHECK(remote.packs() == packs);
}

TEST_CASE("a tree of the cache is read by several threads at once") {
    const Remote remote;
    const auto tree = remote.open("main");
    const auto id = tree->find_tree_id("");
    REQUIRE(id);
    std::atomic<int> good = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (int turn = 0; turn < 5; ++turn)
                if (tree->find_file("Makefile") == "one\n" && tree->find_tree_id("") == id && tree->extent().files == 1)
                    ++good;
        });
    for (std::thread& thread : threads) thread.join();
    CHECK(good == 20);
}

TEST_CASE("a ref that does not exist, with the one that was probably meant") {
    const Remote remote;
    for (const bool may_fetch : {true, false}) {
        const Error error = error_of([&] { remote.open("faeture/one", may_fetch); });
        CHECK(error.fault() == Fault::not_found);
        CHECK(error.message() == "no branch, tag or commit \"faeture/one\" in " + remote.url);
        CHECK(error.hint().starts_with("did you mean feature/one?"));
        CHECK(error_of([&] { remote.open("--upload-pack=x", may_fetch); }).fault() == Fault::not_found);
    }
    CHECK(remote.packs() == "0");
    CHECK(remote.cached().empty());
    const Error local = error_of([&] {
        Told told;
        source::open({.location = (remote.box / "r").string(), .ref = "mian"}, told, {});
    });
    CHECK(local.hint().starts_with("did you mean main?"));
}

TEST_CASE("a bare repository is read where it is") {
    const Remote remote;
    Told told;
    const std::string location = (remote.box / "srv/module.git").string();
    const auto tree = source::open({.location = location, .ref = {}}, told, {});
    CHECK(tree->description() == location + " at HEAD");
    CHECK(tree->revision() == remote.id("main"));
    CHECK(tree->find_file("Makefile") == "one\n");
    CHECK(remote.cached().empty());
    CHECK(told.warnings.empty());
}

TEST_CASE("a remote that is not there") {
    const Remote remote;
    remote.box.sh("rm -r srv");
    for (const bool may_fetch : {true, false}) {
        const Error error = error_of([&] { remote.open("main", may_fetch); });
        CHECK(error.fault() == Fault::not_found);
        CHECK(error.message().find("fatal: ") != std::string::npos);
    }
}

TEST_CASE("a cache that cannot be written to is named, with the variable that names another") {
    const Remote remote;
    remote.box.write("file", "");
    const test::Variable cache("XDG_CACHE_HOME", (remote.box / "file").string());
    const Error error = error_of([&] { (void)remote.open("main"); });
    CHECK(error.fault() == Fault::io);
    CHECK(error.message().find("keeping a clone in") != std::string::npos);
    CHECK(error.hint().find("XDG_CACHE_HOME") != std::string::npos);
}

TEST_CASE("one cache for a URL, with and without a password") {
    const Remote remote;
    remote.box.sh(R"(cp -r srv other
        git config --global "url.file://$PWD/srv/.insteadOf" https://example.invalid/a/
        git config --global --add "url.file://$PWD/srv/.insteadOf" https://user:pw@example.invalid/a/
        git config --global "url.file://$PWD/other/.insteadOf" https://example.invalid/c/)");
    for (const char* url : {"https://example.invalid/a/module.git", "https://user:pw@example.invalid/a/module.git",
                            "https://example.invalid/c/module.git"}) {
        Told told;
        CHECK(source::open({.location = url, .ref = {}}, told, {})->revision() == remote.id("main"));
    }
    CHECK(remote.packs() == "2");
    CHECK(remote.cached() == "module.shallow.git\nmodule.shallow.git");
}

TEST_CASE("what is published of where the source is from: a URL of a network, without user information") {
    const Remote remote;
    const std::pair<const char*, const char*> rows[] = {
        {"https://user:secret@example.invalid/a/b.git?token=x", "https://example.invalid/a/b.git?…"},
        {"http://example.invalid/a", "http://example.invalid/a"},
        {"git@example.invalid:a/b.git", "ssh://example.invalid/a/b.git"},
        {"ssh://git:pw@example.invalid:22/a", "ssh://example.invalid:22/a"},
        {"/home/somebody/work", ""},
        {"../somebody", ""},
        {"file:///home/somebody/work", ""},
        {"C:/somebody", ""},
    };
    for (const auto& [origin, shown] : rows) {
        CAPTURE(origin);
        remote.box.sh("git -C r config remote.origin.url '" + std::string(origin) + "'");
        Told told;
        CHECK(source::open({.location = (remote.box / "r").string(), .ref = {}}, told, {})->url() == shown);
        CHECK(source::open({.location = (remote.box / "r").string(), .ref = "HEAD"}, told, {})->url() == shown);
    }
}

TEST_SUITE_END();
