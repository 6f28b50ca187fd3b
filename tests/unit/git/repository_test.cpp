// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "git/git.hpp"
#include "sandbox.hpp"

using namespace wasmx;
using git::Repository;
using git::TreeEntry;
using test::error_of;
using test::Sandbox;

namespace {

// One commit with a file of every kind, in "r".
void make_repository(const Sandbox& box) {
    box.sh(R"(git init -q -b main r; cd r
        echo hello >a; : >empty; echo x >'with space'; mkdir -p d/e; echo deep >d/e/f
        printf '#!/bin/sh\n' >run; chmod +x run; ln -s d/e/f link
        git add -A; git commit -qm first; git tag light; git tag -am note annotated)");
}

Repository open(const Sandbox& box, const char* name = "r") {
    auto repository = Repository::find(box / name, {});
    REQUIRE(repository);
    return *std::move(repository);
}

git::Commit head_of(const Repository& repository) {
    const auto commit = repository.find_commit("HEAD");
    REQUIRE(commit);
    return *commit;
}

std::string text_of(Repository::Objects& objects, const TreeEntry& entry) {
    return io::read_all(*objects.open(entry), 1 << 20);
}

}  // namespace

TEST_SUITE_BEGIN("git");

TEST_CASE("the repository of a folder, wherever in it, and of none") {
    const Sandbox box;
    make_repository(box);
    CHECK(open(box).work_tree() == box / "r");
    CHECK(open(box, "r/d/e").work_tree() == box / "r");
    box.sh("mkdir plain; git clone -q --bare r bare.git; git -C r worktree add -q ../other");
    CHECK_FALSE(Repository::find(box / "plain", {}));
    CHECK_FALSE(Repository::find(box / "bare.git", {}));
    CHECK_FALSE(Repository::find(box / "r/.git", {}));
    CHECK(open(box, "other").work_tree() == box / "other");
    const auto bare = Repository::find_mirror(box / "bare.git", {});
    REQUIRE(bare);
    CHECK(bare->work_tree().empty());
    CHECK(head_of(*bare).id == head_of(open(box)).id);
    CHECK_FALSE(Repository::find_mirror(box / "plain", {}));
    CHECK_FALSE(Repository::find_mirror(box / "nowhere", {}));
    CHECK_FALSE(Repository::find_mirror(box / "r/d", {}));
}

TEST_CASE("a .git that git cannot read is no plain folder") {
    const Sandbox box;
    box.sh("mkdir a b; echo 'gitdir: /nowhere' >a/.git; mkdir b/.git");
    for (const char* name : {"a", "b"}) {
        const Error error = error_of([&] { Repository::find(box / name, {}); });
        CHECK(error.fault() == Fault::config);
        CHECK(error.hint().find("git -C ") != std::string::npos);
    }
}

TEST_CASE("no git program says what to install") {
    const Sandbox box;
    const test::Variable path("PATH", box.root().string());
    const Error error = error_of([&] { Repository::find(box.root(), {}); });
    CHECK(error.fault() == Fault::not_found);
    CHECK(error.hint() == "install it: sudo apt-get install git");
}

TEST_CASE("a hook's environment does not lead astray") {
    const Sandbox box;
    make_repository(box);
    box.sh("git init -q -b main elsewhere");
    const test::Variable dir("GIT_DIR", (box / "elsewhere/.git").string());
    const test::Variable tree("GIT_WORK_TREE", (box / "elsewhere").string());
    const test::Variable index("GIT_INDEX_FILE", (box / "elsewhere/.git/index").string());
    const Repository repository = open(box);
    CHECK(repository.work_tree() == box / "r");
    CHECK(repository.tree(head_of(repository)).size() == 6);
    CHECK(repository.dirty_paths().empty());
}

TEST_CASE("commits by any name") {
    const Sandbox box;
    make_repository(box);
    const Repository repository = open(box);
    const std::string id = box.sh("git -C r rev-parse HEAD");
    box.sh("git -C r branch feature/x; git clone -q r clone; git -C clone checkout -q --detach");
    for (const std::string& ref :
         {std::string("HEAD"), std::string("main"), std::string("light"), std::string("annotated"),
          std::string("feature/x"), std::string("refs/heads/main"), std::string("heads/main"), id, id.substr(0, 7)}) {
        CAPTURE(ref);
        const auto commit = repository.find_commit(ref);
        REQUIRE(commit);
        CHECK(commit->id == id);
        CHECK(commit->time == 1'700'000'000);
    }
    // Branches that only the remote has, as in a clone made by a CI.
    CHECK(open(box, "clone").find_commit("feature/x"));
    CHECK(open(box, "clone").find_commit("origin/feature/x"));
}

TEST_CASE("names of no commit") {
    const Sandbox box;
    make_repository(box);
    box.sh("git -C r tag blob $(git -C r rev-parse HEAD:a); git init -q -b main empty");
    const Repository repository = open(box);
    for (const char* ref : {"",           "nowhere", "-h",    "--all",
                            "--output=x", "HEAD~0",  "HEAD^", "main:a",
                            "main..main", "@",       "@{0}",  ":/first",
                            "main ",      "m*n",     "blob",  "0000000000000000000000000000000000000000",
                            "/main",      "main/",   "a\nb",  "\x01"}) {
        CAPTURE(ref);
        CHECK_FALSE(repository.find_commit(ref));
    }
    CHECK_FALSE(open(box, "empty").find_commit("HEAD"));
}

TEST_CASE("the tree of a commit") {
    const Sandbox box;
    make_repository(box);
    const Repository repository = open(box);
    std::string listed;
    for (const TreeEntry& entry : repository.tree(head_of(repository)))
        listed +=
            entry.path + ":" + std::to_string(static_cast<int>(entry.kind)) + ":" + std::to_string(entry.size) + " ";
    CHECK(listed == "a:0:6 d/e/f:0:5 empty:0:0 link:2:5 run:1:10 with space:0:2 ");
}

TEST_CASE("a path that no checkout would make is refused") {
    const Sandbox box;
    box.sh(R"(git init -q -b main r; cd r; blob=$(echo x | git hash-object -w --stdin)
        inner=$(printf '100644 blob %s\tx\n' $blob | git mktree)
        tree=$(printf '040000 tree %s\t..\n' $inner | git mktree)
        git update-ref HEAD $(git commit-tree -m evil $tree))");
    const Repository repository = open(box);
    CHECK(error_of([&] { repository.tree(head_of(repository)); }).fault() == Fault::integrity);
}

TEST_CASE("objects, one after the other") {
    const Sandbox box;
    make_repository(box);
    const std::string large = box.sh("head -c 300000 /dev/urandom | base64 -w0 | tee r/large");
    box.sh("cd r; git add -A; git commit -qm large");
    const Repository repository = open(box);
    const auto entries = repository.tree(head_of(repository));
    Repository::Objects objects(repository);
    for (int round = 0; round < 2; ++round)
        for (const TreeEntry& entry : entries) {
            CAPTURE(entry.path);
            const std::string text = text_of(objects, entry);
            CHECK(text.size() == entry.size);
            if (entry.path == "a") CHECK(text == "hello\n");
            if (entry.path == "link") CHECK(text == "d/e/f");
            if (entry.path == "large") CHECK(text == large);
        }
    const auto a =
        std::find_if(entries.begin(), entries.end(), [](const TreeEntry& entry) { return entry.path == "a"; });
    const auto half_read = objects.open(*a);
    CHECK(error_of([&] { objects.open(*a); }).fault() == Fault::bug);
    io::drain(*half_read);
    std::byte byte;
    CHECK(half_read->read({&byte, 1}) == 0);
    objects.open(*a);
    CHECK(error_of([&] { half_read->read({&byte, 1}); }).fault() == Fault::bug);
}

TEST_CASE("an object that is gone or of another size") {
    const Sandbox box;
    make_repository(box);
    const Repository repository = open(box);
    TreeEntry entry = repository.tree(head_of(repository)).front();
    Repository::Objects objects(repository);
    entry.size += 1;
    CHECK(error_of([&] { objects.open(entry); }).fault() == Fault::integrity);
    entry.object = std::string(40, '0');
    Repository::Objects fresh(repository);
    const Error error = error_of([&] { fresh.open(entry); });
    CHECK(error.message().find("missing") != std::string::npos);
}

TEST_CASE("the bytes that git stores, not what it would show") {
    const Sandbox box;
    make_repository(box);
    box.sh(R"(cd r; printf '* text eol=crlf\na ident export-subst\n' >.gitattributes; echo '$Id$' >a
        git add -A; git commit -qm attributes
        git replace $(git rev-parse HEAD:a) $(echo replaced | git hash-object -w --stdin))");
    const Repository repository = open(box);
    CHECK(repository.find_file(head_of(repository), "a") == "$Id$\n");
}

TEST_CASE("small files and folders of a commit") {
    const Sandbox box;
    make_repository(box);
    const Repository repository = open(box);
    const git::Commit head = head_of(repository);
    CHECK(repository.find_file(head, "a") == "hello\n");
    CHECK(repository.find_file(head, "empty") == "");
    CHECK(repository.find_file(head, "d/e/f") == "deep\n");
    for (const char* none : {"", "b", "d", "d/e", "link", "a/b", "*", "d/*/f", ":(top)a", "-z"})
        CHECK_FALSE(repository.find_file(head, none));
    CHECK(repository.find_tree_id(head, "d/e") == box.sh("git -C r rev-parse HEAD:d/e"));
    CHECK(repository.find_tree_id(head, "") == box.sh("git -C r rev-parse HEAD^{tree}"));
    for (const char* none : {"a", "x", "d/e/f", "*"}) CHECK_FALSE(repository.find_tree_id(head, none));
}

TEST_CASE("what is dirty") {
    const Sandbox box;
    make_repository(box);
    const Repository repository = open(box);
    CHECK(repository.dirty_paths().empty());
    box.sh("touch r/a");  // the same bytes
    CHECK(repository.dirty_paths().empty());
    box.sh(R"(cd r; echo x >>a; git mv empty moved; rm run; mkdir new; echo 1 >'new/ä b'; echo '*.o' >.gitignore
        echo x >x.o; git config status.showUntrackedFiles no; git config status.relativePaths true)");
    auto dirty = repository.dirty_paths();
    std::sort(dirty.begin(), dirty.end());
    CHECK(dirty == std::vector<std::string>{".gitignore", "a", "empty", "moved", "new/ä b", "run"});
    CHECK(repository.work_tree_paths() ==
          std::vector<std::string>{".gitignore", "a", "d/e/f", "link", "moved", "new/ä b", "run", "with space"});
    CHECK(repository.tracks("d"));
    CHECK_FALSE(repository.tracks("new"));
    CHECK_FALSE(repository.tracks("*"));
}

TEST_CASE("the remote's URL without the password") {
    const Sandbox box;
    make_repository(box);
    const Repository repository = open(box);
    CHECK_FALSE(repository.origin_url());
    const std::pair<const char*, const char*> rows[] = {
        {"https://user:secret@example.org/a/b.git", "https://example.org/a/b.git"},
        {"git@example.org:a/b.git", "ssh://example.org/a/b.git"},
        {"ssh://git@example.org:22/a/b.git", "ssh://example.org:22/a/b.git"},
        {"/srv/git/b.git", "/srv/git/b.git"},
    };
    for (const auto& [url, shown] : rows) {
        box.sh("git -C r config remote.origin.url " + std::string(url));
        CHECK(repository.origin_url() == shown);
    }
}

TEST_CASE("names of branches and tags") {
    const Sandbox box;
    make_repository(box);
    box.sh("git -C r branch feature/x");
    CHECK(open(box).ref_names() == std::vector<std::string>{"annotated", "feature/x", "light", "main"});
}

TEST_CASE("root over the work tree of another user: nothing of it is run") {
    if (::geteuid() != 0) return;
    const Sandbox box;
    make_repository(box);
    box.sh(R"(cd r; echo '* filter=evil' >.gitattributes; git add -A; git commit -qm evil
        for name in clean smudge process; do git config filter.evil.$name "touch $PWD/../ran; cat"; done
        git config filter.evil.required true; git config core.fsmonitor "touch $PWD/../ran"
        mkdir hooks; git config core.hooksPath hooks; git config core.pager "touch $PWD/../ran"
        touch a run; cd ..; chown -R 12345:12345 r)");
    const Repository repository = open(box);
    CHECK(repository.work_tree() == box / "r");
    CHECK(repository.dirty_paths().empty());
    CHECK(repository.work_tree_paths().size() == 7);
    CHECK(repository.find_file(head_of(repository), "a") == "hello\n");
    CHECK_FALSE(std::filesystem::exists(box / "ran"));
    box.sh("touch r/a; git -c safe.directory='*' -C r status >/dev/null 2>&1 || true");
    CHECK(std::filesystem::exists(box / "ran"));  // the trap is a trap
    // Not one that is found further up: that may be a trap in a folder that anybody can write to.
    const Error error = error_of([&] { Repository::find(box / "r/d", {}); });
    CHECK(error.fault() == Fault::denied);
}

TEST_SUITE_END();
