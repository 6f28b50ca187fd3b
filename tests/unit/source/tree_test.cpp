// SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <vector>

#include "../git/sandbox.hpp"
#include "git/git.hpp"
#include "io/tar.hpp"
#include "source/source.hpp"

using namespace wasmx;
using source::Tree;
using test::error_of;
using test::Sandbox;
using test::Told;

namespace {

const std::string long_name = "deep/" + std::string(120, 'n') + "/" + std::string(130, 'm') + ".txt";

// A commit in "r" with everything that git can store.
void make_module(const Sandbox& box) {
    box.sh(R"(git init -q -b main r; cd r
        printf 'V8 ?= 13.1.201.15\n' >Makefile; : >empty; echo x >'with space'; echo u >'ünïcode ☺'
        printf '#!/bin/sh\n' >run.sh; chmod +x run.sh; ln -s run.sh link; ln -s /nowhere/at/all dangling
        mkdir -p util/runtimes secret; echo v8 >util/runtimes/v8.sh; echo s >secret/key; echo b >a-b; mkdir a
        echo c >a/c
        echo '$Format:%H$' >subst; printf '\000\001\377' >binary; printf 'one\r\ntwo\r\n' >crlf
        printf 'secret export-ignore\nsubst export-subst\n*.sh filter=none\ncrlf text\n' >.gitattributes
        printf '*.o\n/ignored/\n' >.gitignore; printf '*\n!a\n' >.dockerignore; mkdir -p deep/)" +
           std::string(120, 'n') + "; echo long >'" + long_name + R"sh('
        git add -A; printf 'i\303\n' >"$(printf 'in\351valid')"; git add -A
        git update-index --add --cacheinfo 160000,0123456789012345678901234567890123456789,sub
        git commit -qm all; git tag v1)sh");
}

std::unique_ptr<Tree> open(const source::Wanted& wanted, Told& told) { return source::open(wanted, told, {}); }
std::unique_ptr<Tree> open(const source::Wanted& wanted) {
    Told told;
    return open(wanted, told);
}
source::Wanted folder(const std::filesystem::path& path, bool allow_dirty = false) {
    return {.location = path.string(), .ref = {}, .allow_dirty = allow_dirty};
}

struct Member {
    io::TarEntry entry;
    std::string text;
};

std::vector<Member> members(const Tree& tree, const std::string& below = "", const std::string& prefix = "",
                            Tree::Ignore ignore = Tree::Ignore::none) {
    const auto tar = io::tar_of(tree.members(below, prefix, ignore));
    io::TarReader reader(*tar);
    std::vector<Member> found;
    while (auto entry = reader.next()) found.push_back({*entry, io::read_all(*reader.member(), 1 << 20)});
    return found;
}

std::string paths(const std::vector<Member>& found) {
    std::string out;
    for (const Member& member : found) out += member.entry.path + " ";
    return out;
}

// As `git ls-tree -r` would say it, so that the two can be compared; folders left out.
std::vector<std::string> as_ls_tree(const Sandbox& box, const std::vector<Member>& found) {
    std::vector<std::string> lines;
    for (const Member& member : found) {
        const auto& entry = member.entry;
        if (entry.type == io::TarEntry::Type::directory) continue;
        const bool is_link = entry.type == io::TarEntry::Type::symlink;
        box.write("object", is_link ? entry.target : member.text);
        const std::string mode = is_link ? "120000" : entry.mode == 0755 ? "100755" : "100644";
        lines.push_back(mode + " blob " + box.sh("git hash-object --no-filters object") + "\t" + entry.path);
    }
    std::sort(lines.begin(), lines.end());
    return lines;
}

std::vector<std::string> ls_tree(const Sandbox& box, const std::string& repository, const std::string& ref) {
    std::vector<std::string> lines;
    const std::string listed =
        box.sh("git -C " + repository + " -c core.quotePath=false ls-tree -r -z " + ref + " | tr '\\0' '\\n'");
    for (const std::string_view line : split(listed, '\n'))
        if (!line.empty() && line.find(" commit ") == std::string_view::npos) lines.emplace_back(line);
    std::sort(lines.begin(), lines.end());
    return lines;
}

}  // namespace

TEST_SUITE_BEGIN("source");

TEST_CASE("a commit as a tar is what git lists") {
    const Sandbox box;
    make_module(box);
    box.sh("git -C r rm -q --cached sub; git -C r checkout -q -f main 2>/dev/null");
    Told told;
    const auto tree = open({.location = (box / "r").string(), .ref = "main"}, told);
    CHECK(told.warnings.find("the submodule sub is not taken along") != std::string::npos);
    CHECK(tree->revision() == box.sh("git -C r rev-parse main"));
    CHECK(tree->date() == 1'700'000'000);
    const auto found = members(*tree);
    CHECK(as_ls_tree(box, found) == ls_tree(box, "r", "main"));

    std::vector<std::string> seen;
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
    for (const Member& member : found) {
        const auto& entry = member.entry;
        CAPTURE(entry.path);
        CHECK(entry.uid == 0);
        CHECK(entry.gid == 0);
        CHECK(entry.mtime == 1'700'000'000);
        const bool is_folder = entry.type == io::TarEntry::Type::directory;
        if (is_folder) CHECK(entry.mode == 0755);
        // Each once, and the folder above before what is in it.
        const std::string name = is_folder ? entry.path.substr(0, entry.path.size() - 1) : entry.path;
        CHECK(std::count(seen.begin(), seen.end(), name) == 0);
        if (const auto slash = name.rfind('/'); slash != std::string::npos)
            CHECK(std::count(seen.begin(), seen.end(), name.substr(0, slash)) == 1);
        seen.push_back(name);
        if (!is_folder) ++files;
        bytes += entry.size;
    }
    CHECK(std::count(seen.begin(), seen.end(), "sub") == 1);
    CHECK(std::count(seen.begin(), seen.end(), long_name) == 1);
    CHECK(tree->extent().files == files);
    CHECK(tree->extent().bytes == bytes);
}

TEST_CASE("equal commits give equal bytes, and the same tree can be read twice") {
    const Sandbox box;
    make_module(box);
    box.sh("git clone -q r other");
    const auto bytes_of = [](const Tree& tree) {
        return io::read_all(*io::tar_of(tree.members("", "source", Tree::Ignore::none)), 1 << 20);
    };
    const auto one = open({.location = (box / "r").string(), .ref = "main"});
    const auto other = open({.location = (box / "other").string(), .ref = "v1"});
    const std::string bytes = bytes_of(*one);
    CHECK(bytes == bytes_of(*one));
    CHECK(bytes == bytes_of(*other));
}

TEST_CASE("a folder of the tree, below a prefix") {
    const Sandbox box;
    make_module(box);
    const auto tree = open({.location = (box / "r").string(), .ref = "HEAD"});
    CHECK(paths(members(*tree, "util")) == "runtimes/ runtimes/v8.sh ");
    CHECK(paths(members(*tree, "./util/runtimes/", "x/y/")) == "x/ x/y/ x/y/v8.sh ");
    CHECK(error_of([&] { members(*tree, "nowhere"); }).fault() == Fault::not_found);
    CHECK(error_of([&] { members(*tree, "Makefile"); }).fault() == Fault::not_found);
    CHECK(error_of([&] { members(*tree, ".."); }).fault() == Fault::bug);
    CHECK(tree->find_file("Makefile") == "V8 ?= 13.1.201.15\n");
    CHECK(tree->find_file("./util//runtimes/v8.sh") == "v8\n");
    for (const char* none : {"nowhere", "util", "link", "sub"}) CHECK_FALSE(tree->find_file(none));
    CHECK(tree->find_tree_id("util/runtimes/") == box.sh("git -C r rev-parse HEAD:util/runtimes"));
    CHECK_FALSE(tree->find_tree_id("Makefile"));
}

TEST_CASE("a .dockerignore counts for a context, and only there") {
    const Sandbox box;
    box.sh(R"(git init -q -b main r; cd r; mkdir -p d/x; printf '*\n!x/y\n' >d/.dockerignore
        echo >d/Dockerfile.ubuntu; echo >d/a; echo >d/x/y; echo >d/x/z; git add -A; git commit -qm one)");
    const auto tree = open(folder(box / "r"));
    CHECK(paths(members(*tree, "d")) == ".dockerignore Dockerfile.ubuntu a x/ x/y x/z ");
    CHECK(paths(members(*tree, "d", "", Tree::Ignore::dockerignore)) == ".dockerignore Dockerfile.ubuntu x/ x/y ");
    CHECK(members(*tree, "", "", Tree::Ignore::dockerignore).size() == members(*tree).size());  // none at the top
    box.sh("printf '[' >r/d/.dockerignore; git -C r commit -qam bad");
    const auto bad = open(folder(box / "r"));
    const Error error = error_of([&] { members(*bad, "d", "", Tree::Ignore::dockerignore); });
    CHECK(error.fault() == Fault::config);
    CHECK(error.frames() == std::vector<std::string>{"reading d/.dockerignore"});
}

TEST_CASE("a dirty work tree is refused, or taken as it stands") {
    const Sandbox box;
    make_module(box);
    box.sh(
        R"(cd r; git rm -q --cached sub; git commit -qm 'no submodule'; echo changed >Makefile; rm empty
        echo new >'new file'
        echo x >x.o; mkdir ignored; echo x >ignored/y; chmod +x crlf; mkdir nested; git init -q nested; echo n >nested/n
        git -C nested add n; git -C nested commit -qm n; rm -r a; ln -s util a; mkfifo pipe)");
    const Error error = error_of([&] { open(folder(box / "r")); });
    CHECK(error.fault() == Fault::config);
    CHECK(error.message().find("Makefile, a/c, ") != std::string::npos);
    CHECK(error.hint().find("--allow-dirty") != std::string::npos);

    Told told;
    const auto tree = open(folder(box / "r", true), told);
    CHECK_FALSE(tree->revision());
    CHECK_FALSE(tree->find_tree_id("util"));
    CHECK(tree->date() == 1'700'000'000);
    CHECK(tree->find_file("Makefile") == "changed\n");
    CHECK_FALSE(tree->find_file("empty"));
    CHECK_FALSE(tree->find_file("x.o"));
    CHECK_FALSE(tree->find_file("a/c"));
    CHECK(told.warnings.find("are in no commit") != std::string::npos);
    CHECK(told.warnings.find("nested is a repository of its own") != std::string::npos);

    const auto found = members(*tree);
    const std::string all = " " + paths(found);
    for (const char* there : {" new file ", " nested/ ", " a ", " secret/key ", " a-b "})
        CHECK(all.find(there) != std::string::npos);
    for (const char* gone : {" empty ", ".o ", "ignored", "nested/n", " a/", ".git/", "pipe"})
        CHECK(all.find(gone) == std::string::npos);
    for (const Member& member : found) {
        if (member.entry.path == "crlf") CHECK(member.entry.mode == 0755);
        if (member.entry.path == "a") CHECK(member.entry.target == "util");
    }
    CHECK(tree->extent().files ==
          static_cast<std::uint64_t>(std::count_if(found.begin(), found.end(), [](const Member& member) {
              return member.entry.type != io::TarEntry::Type::directory;
          })));
}

TEST_CASE("a commit named by hand is that commit, whatever the work tree is like") {
    const Sandbox box;
    make_module(box);
    box.sh("echo changed >r/Makefile");
    Told told;
    const auto tree = open({.location = (box / "r").string(), .ref = "v1", .allow_dirty = true}, told);
    CHECK(tree->description() == (box / "r").string() + " at v1");
    CHECK(tree->find_file("Makefile") == "V8 ?= 13.1.201.15\n");
    CHECK(told.warnings.find("the source is the commit") != std::string::npos);
}

TEST_CASE("a clean checkout is its commit, with line ends and filters as git has them") {
    const Sandbox box;
    box.sh(R"sh(git init -q -b main r; cd r; printf 'a\nb\n' >text; echo '*  text eol=crlf' >.gitattributes
        git add -A; git commit -qm one; rm text; git checkout -q text; grep -q "$(printf '\r')" text)sh");
    const auto tree = open(folder(box / "r"));
    CHECK(tree->find_file("text") == "a\nb\n");
    CHECK(tree->revision() == box.sh("git -C r rev-parse HEAD"));
}

TEST_CASE("what a clone or an archive has otherwise than the commit is told, file by file") {
    const Sandbox box;
    box.sh(
        R"sh(git init -q -b main r; cd r; mkdir -p sub/deep; git config filter.lfs.clean cat; git config filter.crypt.clean cat
        echo plain >plain; git add -A; git commit -qm none; git tag none
        printf 'version https://git-lfs.github.com/spec/v1\noid sha256:%064d\nsize 12345\n' 7 >sub/big.bin
        printf 'version https://git-lfs.github.com/spec/v1 is what a pointer begins with; this text names no object\n' >note
        printf '%2000s' 'version https://git-lfs.github.com/spec/v1' >long
        printf 'not a pointer, though git LFS would have it so: it was committed without.%050d\n' 1 >raw.bin
        echo key >sub/deep/key; echo text >dos.txt; echo a >sub/a.txt; echo left >sub/ci; echo '$Format:%H$' >version
        ln -s ../r/plain out; ln -s plain in; ln -s /etc/passwd sub/abs
        printf '%s\n' '*.bin filter=lfs diff=lfs merge=lfs -text' '/sub/deep/* filter=crypt' '*.txt eol=crlf' \
            '/sub/ci export-ignore' 'version export-subst' '# *.c ident' '"quoted" ident' 'plain eol=lf' >.gitattributes
        printf '%s\n' 'a.txt -eol' >sub/.gitattributes
        git add -A; git commit -qm all)sh");
    Told quiet;
    (void)open({.location = (box / "r").string(), .ref = "none"}, quiet);
    CHECK(quiet.warnings == "");
    CHECK(quiet.notes == "");

    Told told;
    (void)open({.location = (box / "r").string(), .ref = "main"}, told);
    CHECK(told.warnings ==
          "the commit has Git LFS pointers in place of the content of sub/big.bin: the build gets the pointers\n"
          "links lead out of the source, and elsewhere in the build: out, sub/abs\n"
          "filter=crypt of .gitattributes is not applied to sub/deep/key: the source is what git stores\n");
    CHECK(told.notes ==
          "eol=crlf of .gitattributes is not applied to dos.txt: the source is what git stores\n"
          "export-ignore of .gitattributes is not applied to sub/ci: the source is what git stores\n"
          "export-subst of .gitattributes is not applied to version: the source is what git stores\n");
}

TEST_CASE("changes that git has been told not to look at are told") {
    const Sandbox box;
    box.sh(R"sh(git init -q -b main r; cd r; for f in assumed skipped same gone; do echo old >$f; done
        git add -A; git commit -qm all; git update-index --assume-unchanged assumed same; git update-index --skip-worktree skipped gone
        echo new >assumed; echo new >skipped; rm gone)sh");
    Told told;
    const auto tree = open(folder(box / "r"), told);
    CHECK(tree->find_file("assumed") == "old\n");
    CHECK(told.warnings.find("changes of assumed, skipped do not count") != std::string::npos);
    CHECK(told.notes.find("1 file not checked out here") != std::string::npos);
    box.sh("echo more >r/more");
    Told dirty;
    const auto taken = open(folder(box / "r", true), dirty);
    CHECK_FALSE(taken->find_file("gone"));
    CHECK(dirty.warnings.find("not in the work tree: gone") != std::string::npos);
}

TEST_CASE("a folder below the top of a work tree") {
    const Sandbox box;
    make_module(box);
    box.sh("cd r; mkdir -p ignored/in; echo x >ignored/in/y; git rm -q --cached sub; git commit -qm x");
    const Error error = error_of([&] { open(folder(box / "r/util")); });
    CHECK(error.fault() == Fault::usage);
    CHECK(error.hint() == "give the whole of it: --source " + (box / "r").string());
    const auto plain = open(folder(box / "r/ignored/in"));
    CHECK_FALSE(plain->revision());
    CHECK(paths(members(*plain)) == "y ");
}

TEST_CASE("a plain folder, less what its .dockerignore excludes") {
    const Sandbox box;
    box.sh(
        R"(mkdir -p p/d/e p/out/keep p/none p/lib/.git; cd p; echo 1 >a; echo 2 >d/e/f; chmod +x d/e/f; ln -s d dir-link
        echo 3 >out/x; echo 4 >out/keep/y; mkfifo pipe; echo token >lib/.git/config; echo 5 >lib/code
        echo 6 >Dockerfile; printf 'out\n!out/keep\nDockerfile\n' >.dockerignore
        touch -d @1600000000 a d/e/f out/keep/y .dockerignore lib/code
        touch -h -d @1600000000 dir-link; touch -d @1650000000 a)");
    Told told;
    const auto tree = open(folder(box / "p"), told);
    const auto found = members(*tree, "", "source");
    CHECK(paths(found) ==
          "source/ source/.dockerignore source/a source/d/ source/d/e/ source/d/e/f source/dir-link source/lib/ "
          "source/lib/code source/out/ source/out/keep/ source/out/keep/y ");
    CHECK(told.warnings.find("no file, folder or link: pipe\n") != std::string::npos);
    CHECK(told.warnings.find("is not under git") != std::string::npos);
    CHECK_FALSE(tree->revision());
    CHECK(tree->url().empty());
    CHECK(tree->date() == 1'650'000'000);
    CHECK(tree->extent().files == 6);
    CHECK(tree->find_file("out/keep/y") == "4\n");
    for (const char* none : {"out/x", "Dockerfile", "d", "dir-link", "dir-link/e/f", "nowhere"})
        CHECK_FALSE(tree->find_file(none));
    for (const Member& member : found) CHECK(member.entry.mtime == 1'650'000'000);
}

TEST_CASE("the date of a plain folder can be given") {
    const Sandbox box;
    box.sh("mkdir p; echo 1 >p/a");
    {
        const test::Variable date("SOURCE_DATE_EPOCH", "1234567890");
        CHECK(open(folder(box / "p"))->date() == 1'234'567'890);
    }
    const test::Variable date("SOURCE_DATE_EPOCH", "yesterday");
    CHECK(error_of([&] { open(folder(box / "p")); }).fault() == Fault::config);
}

TEST_CASE("a file that changes while it is sent") {
    const Sandbox box;
    box.sh("mkdir p; echo 1 >p/a");
    const auto tree = open(folder(box / "p"));
    box.sh("echo more >>p/a");
    CHECK(error_of([&] { members(*tree); }).message().find("changed its size") != std::string::npos);
}

TEST_CASE("what is no source") {
    const Sandbox box;
    box.sh("echo x >file; mkdir plain; git init -q -b main empty");
    struct Row {
        source::Wanted wanted;
        Fault fault;
        const char* message;
    };
    const Row rows[] = {
        {{.location = "", .ref = {}}, Fault::usage, "the source \"\" does not exist, and is no git URL"},
        {{.location = "/no/where", .ref = {}},
         Fault::usage,
         "the source \"/no/where\" does not exist, and is no git URL"},
        {{.location = (box / "file").string(), .ref = {}}, Fault::usage, "is no folder, and is no git URL"},
        {{.location = "http://u:pw@h.org/x", .ref = {}},
         Fault::usage,
         "the source \"http://h.org/x\" does not exist, and is no git URL"},
        {{.location = "ext::sh -c x", .ref = {}}, Fault::usage, "is no git URL"},
        {{.location = "--upload-pack=x", .ref = {}}, Fault::usage, "is no git URL"},
        {{.location = (box / "plain").string(), .ref = "main"}, Fault::usage, "is not a git repository"},
        {{.location = (box / "empty").string(), .ref = {}}, Fault::not_found, "has no commit yet"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.wanted.location);
        const Error error = error_of([&] { open(row.wanted); });
        CHECK(error.fault() == row.fault);
        CHECK(error.message().find(row.message) != std::string::npos);
        CHECK_FALSE(error.hint().empty());
    }
}

TEST_SUITE_END();
