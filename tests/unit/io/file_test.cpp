// SPDX-License-Identifier: Apache-2.0
#include "io/file.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "io/source_contract.hpp"
#include "support/error_of.hpp"
#include "support/folder.hpp"

namespace wasmx::io {

TEST_SUITE_BEGIN("io");

namespace {

namespace fs = std::filesystem;

long count_of(const fs::path& folder) {
    return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

}  // namespace

TEST_CASE("files as streams") {
    const test::Folder folder;
    const std::string text = sample(100000);
    const fs::path path = folder.write("f", text);
    source_contract([&] { return open_file(path); }, text);
    CHECK(read_file(path) == text);
    CHECK(find_file(path) == text);
    CHECK_THROWS_AS(read_file(path, 99999), Error);
    CHECK_FALSE(find_file(folder.path() / "absent"));
    try {
        read_file(folder.path() / "absent");
        FAIL("nothing was thrown");
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::not_found);
        CHECK(error.message().find("absent") != std::string::npos);
    }
}

TEST_CASE("scratch files go where TMPDIR says, else to a folder that can be written to, and an error names TMPDIR") {
    const test::Folder folder;
    {
        const test::Variable chosen("TMPDIR", folder.path().string());
        CHECK(scratch_folder() == folder.path());
        CHECK_NOTHROW(TempFile());
    }
    {
        const test::Variable none("TMPDIR", std::nullopt);
        CHECK((scratch_folder() == "/var/tmp" || scratch_folder() == "/tmp"));
        CHECK_NOTHROW(TempFile());
    }
    const test::Variable missing("TMPDIR", (folder.path() / "missing").string());
    const Error error = test::error_of([] { TempFile(); });
    CHECK(error.fault() == Fault::io);
    CHECK(error.message().find("missing") != std::string::npos);
    CHECK(error.hint().find("TMPDIR") != std::string::npos);
    // A device that is always full.
    TempFile full{Fd(::open("/dev/full", O_WRONLY | O_CLOEXEC))};
    CHECK(test::error_of([&] { full.write(bytes_of("x")); }).hint().find("TMPDIR") != std::string::npos);
}

TEST_CASE("folders of ours: a relative XDG variable counts as none, and without HOME the user database is asked") {
    const test::Folder folder;
    const test::Variable home("HOME", folder.path().string());
    const test::Variable cache("XDG_CACHE_HOME", "relative");
    const test::Variable state("XDG_STATE_HOME", std::nullopt);
    CHECK(cache_folder() == folder.path() / ".cache/wasmx-image");
    CHECK(state_folder() == folder.path() / ".local/state/wasmx-image");
    const test::Variable absolute("XDG_CACHE_HOME", "/elsewhere");
    CHECK(cache_folder() == "/elsewhere/wasmx-image");
    const test::Variable none("HOME", std::nullopt);
    const passwd* row = ::getpwuid(::geteuid());
    CHECK(find_home_folder() == (row == nullptr ? std::nullopt : std::optional<fs::path>(row->pw_dir)));
}

TEST_CASE("a scratch file gets a name, also where the file system gives none back") {
    const test::Folder folder;
    TempFile usual(folder.path());
    usual.write(bytes_of("usual"));
    usual.keep(folder.path() / "usual");
    CHECK(read_file(folder.path() / "usual") == "usual");

    const fs::path named = folder.write("named", "");
    TempFile unlinked(Fd(::open(named.c_str(), O_RDWR | O_CLOEXEC)));
    fs::remove(named);
    unlinked.write(bytes_of("unlinked"));
    unlinked.keep(folder.path() / "kept");
    CHECK(read_file(folder.path() / "kept") == "unlinked");
    CHECK(count_of(folder.path()) == 2);
}

TEST_CASE("a file appears whole or not at all") {
    const test::Folder folder;
    const fs::path path = folder.path() / "out";
    {
        AtomicFile file(path);
        file.write(bytes_of("half"));
        CHECK_FALSE(fs::exists(path));
    }
    CHECK_FALSE(fs::exists(path));
    CHECK(count_of(folder.path()) == 0);
    {
        AtomicFile file(path);
        file.write(bytes_of("wh"));
        file.write(bytes_of("ole"));
        file.finish();
    }
    CHECK(read_file(path) == "whole");
    CHECK(count_of(folder.path()) == 1);
    {
        AtomicFile file(path);
        file.write(bytes_of("new"));
        CHECK(read_file(path) == "whole");
        file.finish();
    }
    CHECK(read_file(path) == "new");
    CHECK(count_of(folder.path()) == 1);
    CHECK_THROWS_AS(AtomicFile(folder.path() / "no" / "such" / "folder"), Error);
}

TEST_CASE("a file gets the permissions that files get here") {
    const test::Folder folder;
    const mode_t old = ::umask(022);
    {
        AtomicFile file(folder.path() / "out");
        file.finish();
    }
    ::umask(old);
    CHECK(fs::status(folder.path() / "out").permissions() == fs::perms(0644));
}

TEST_CASE("scratch files have no name, and bodies that share them outlive them") {
    const test::Folder folder;
    const test::Variable where("TMPDIR", folder.path().string());
    const std::string text = sample(100000);
    Body body;
    {
        TempFile file;
        file.write(bytes_of(text));
        CHECK(count_of(folder.path()) == 0);
        CHECK(file.size() == text.size());
        body = file.body();
        file.write(bytes_of("more"));
    }
    CHECK(body.size == text.size());
    source_contract([&] { return body.open(); }, text);
    const SourcePtr one = body.open();
    const SourcePtr other = body.open();
    std::vector<std::byte> buffer(10);
    CHECK(one->read(buffer) == 10);
    CHECK(read_all(*other, 1 << 20) == text);
    CHECK(read_all(*one, 1 << 20) == text.substr(10));
}

TEST_SUITE_END();

}  // namespace wasmx::io
