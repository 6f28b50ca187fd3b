// SPDX-License-Identifier: Apache-2.0
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
        box.sh(R"(git init -q -b main r; cd r; echo one >Makefile; git add -A; git commit -qm one; git tag v1
            git branch feature/one; cd ..; mkdir srv; git clone -q --mirror r srv/module.git)");
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
    std::string cached() const { return box.sh("cd cache/wasmx-image/git 2>/dev/null && ls -d *.git || true"); }

    Sandbox box;
    std::string url;
};

}  // namespace

TEST_SUITE_BEGIN("source");

TEST_CASE("a URL is cloned once, and up to date each time") {
    const Remote remote;
    const auto first = remote.open("");
    CHECK(first->description() == remote.url + " at main");
    CHECK(first->revision() == remote.id("main"));
    CHECK(first->find_file("Makefile") == "one\n");
    CHECK(first->url() == remote.url);
    remote.add_commit();
    const auto second = remote.open("main");
    CHECK(second->revision() == remote.id("main"));
    CHECK(second->find_file("Makefile") == "two\n");
    CHECK(first->find_file("Makefile") == "one\n");  // still what it was
    CHECK(remote.open("v1")->revision() == remote.id("v1"));
    CHECK(remote.open("HEAD")->revision() == remote.id("main"));
    CHECK(remote.open("feature/one")->revision() == remote.id("v1"));
    CHECK(remote.open(remote.id("v1").substr(0, 8))->revision() == remote.id("v1"));
    CHECK(remote.cached().starts_with("module-"));
    CHECK(remote.cached().find('\n') == std::string::npos);
}

TEST_CASE("a whole commit id that is in the cache needs no network") {
    const Remote remote;
    const std::string id = *remote.open("v1")->revision();
    remote.box.sh("mv srv away");
    CHECK(remote.open(id)->find_file("Makefile") == "one\n");
    CHECK_THROWS_AS(remote.open("v1"), Error);
}

TEST_CASE("a dry run asks the remote and fetches nothing") {
    const Remote remote;
    const auto absent = remote.open("v1", false);
    CHECK_FALSE(absent->has_files());
    CHECK(absent->revision() == remote.id("v1"));
    CHECK_FALSE(absent->find_file("Makefile"));
    CHECK_FALSE(absent->find_tree_id(""));
    CHECK(absent->extent().files == 0);
    CHECK(error_of([&] { absent->members("", "", Tree::Ignore::none); }).fault() == Fault::bug);
    CHECK(remote.cached().empty());
    CHECK_FALSE(remote.open("abcdef12", false)->revision());  // may be a commit; that cannot be asked

    remote.open("main");
    const auto present = remote.open("main", false);
    CHECK(present->has_files());
    CHECK(present->find_file("Makefile") == "one\n");
    CHECK(remote.open(remote.id("v1").substr(0, 8), false)->has_files());
    remote.add_commit();
    const auto moved = remote.open("main", false);
    CHECK(moved->revision() == remote.id("main"));
    CHECK_FALSE(moved->has_files());
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

TEST_CASE("one cache for a URL, with and without a password") {
    const Remote remote;
    // Its name is given away by where the clone fails to be made.
    remote.box.sh("mkdir -p cache/wasmx-image; echo >cache/wasmx-image/git");
    const auto place_of = [&](const std::string& url) {
        Told told;
        return error_of([&] { source::open({.location = url, .ref = {}}, told, {}); }).message();
    };
    const std::string place = place_of("https://example.invalid/a/b.git");
    CHECK(place.find("/git/b-") != std::string::npos);
    CHECK(place == place_of("https://user:pw@example.invalid/a/b.git"));
    CHECK(place != place_of("https://example.invalid/c/b.git"));
}

TEST_SUITE_END();
