// SPDX-License-Identifier: Apache-2.0
// Packages that build and run are tried in tests/verify.
#include "artifact/trial.hpp"

#include <doctest/doctest.h>

#include "../extract/tars.hpp"
#include "support/folder.hpp"

namespace wasmx::artifact {

namespace {

using namespace test;

recipe::Recipe recipe_for(oci::Platform platform) {
    return {.runtime = recipe::Runtime::v8, .version = "1.2", .platform = platform};
}

Point tried(const Members& members, oci::Platform platform = oci::Platform::of_this_machine()) {
    return try_out(io::body_of(gzipped(tar(members))), recipe_for(platform), {});
}

}  // namespace

TEST_SUITE_BEGIN("artifact");

TEST_CASE("what is for another machine is not tried") {
    using oci::Architecture;
    const auto here = oci::Platform::of_this_machine().architecture();
    const oci::Platform other(here == Architecture::arm64 ? Architecture::x86_64 : Architecture::arm64);
    const Point point = tried({}, other);
    CHECK(point.id == "run");
    CHECK(point.verdict == Verdict::skip);
    CHECK(point.observed.find("this machine is " + oci::Platform::of_this_machine().docker_platform()) !=
          std::string::npos);
    CHECK(not_tried("why").verdict == Verdict::skip);
}

TEST_CASE("nothing is unpacked outside the folder, and nothing stays") {
    const Folder folder;
    const Variable scratch("TMPDIR", folder.path().string());
    const Variable compiler("CC", "/bin/false");
    const std::string outside = (folder.path() / "outside").string();
    for (const Members& members :
         std::vector<Members>{{file(outside, "1")},
                              {file("a/../../outside", "1")},
                              {symlink("a/l", folder.path().string()), file("a/l/outside", "1")},
                              {hardlink("a/l", "../outside")}}) {
        CHECK(tried(members).verdict == Verdict::fail);
        CHECK(std::filesystem::is_empty(folder.path()));
    }
    const Point point = tried({file("a/x", "1"), symlink("a/l", "x"), hardlink("a/h", "a/x"), test::folder("a/f")});
    CHECK(point.observed.find("/bin/false ended with 1") != std::string::npos);
    CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_SUITE_END();

}  // namespace wasmx::artifact
