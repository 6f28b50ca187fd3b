// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "base/error.hpp"
#include "recipe/recipe.hpp"
#include "support/error_of.hpp"

using namespace wasmx;
using recipe::Runtime;
using recipe::VersionSources;

namespace {

using test::error_of;

std::string in_makefile(const char* text, Runtime runtime = Runtime::v8) {
    const auto version = recipe::find_version_in_makefile(text, runtime, "Makefile");
    return version ? version->text : "none";
}

VersionSources sources(const char* by_hand, const char* environment, const char* workflow, const char* makefile) {
    VersionSources all{.by_hand = by_hand, .environment = environment, .workflow = {}, .makefile = {}};
    const std::string env = "env: {RUNTIME: v8, VERSION: " + std::string(workflow) + "}";
    all.workflow = {"other.yml", *workflow == '\0' ? "name: nothing here" : env};
    if (*makefile != '\0') all.makefile = {"Makefile of X", "V8 ?= " + std::string(makefile) + "\n"};
    return all;
}

}  // namespace

TEST_SUITE_BEGIN("recipe");

TEST_CASE("versions that can stand in a tag") {
    for (const char* good : {"13.1.201.15", "26.0.0", "3.1.1", "1", "4.0.0-beta_1", "nightly", "vanilla", "v"}) {
        CAPTURE(good);
        CHECK_NOTHROW(recipe::check_version(good));
    }
    for (const char* bad : {"", "-1", ".1", "_1", "1 2", "1/2", "1+2", "1:2", "1@2", "ä", "1\n", "$(x)", "\"13.1\"",
                            "v13.1.201.15", "v8-13.1.201.15"}) {
        CAPTURE(bad);
        CHECK(error_of([&] { recipe::check_version(bad); }).fault() == Fault::usage);
    }
    CHECK_NOTHROW(recipe::check_version(std::string(64, '1')));
    CHECK_THROWS_AS(recipe::check_version(std::string(65, '1')), Error);
}

TEST_CASE("a version with a prefix is told how to be without") {
    CHECK(error_of([] { recipe::check_version("v13.1.201.15"); }).hint() == "give it without: 13.1.201.15");
    CHECK(error_of([] { recipe::check_version("v8-13.1.201.15"); }).hint() == "give it without: 13.1.201.15");
}

TEST_CASE("versions in a Makefile") {
    CHECK(in_makefile("NGX ?= 1.27.4\nV8 ?= 13.1.201.15\nPCRE ?= 10.44\n") == "13.1.201.15");
    CHECK(in_makefile("V8 = 1.2\n") == "1.2");
    CHECK(in_makefile("V8:=1.2") == "1.2");
    CHECK(in_makefile("V8 ::= 1.2") == "1.2");
    CHECK(in_makefile("  export V8 ?= 1.2  # the one with the fix\r\n") == "1.2");
    CHECK(in_makefile("override V8 = 1.2") == "1.2");
    CHECK(in_makefile("V8\t?=\t1.2") == "1.2");
    CHECK(in_makefile("WASMTIME ?= 26.0.0\nV8 ?= 1.2\nWASMER ?= 3.1.1\n") == "1.2");
    for (const char* none : {"", "# V8 ?= 1.2\n", "\tV8 ?= 1.2\n", "V8_VER ?= 1.2\n", "MY_V8 ?= 1.2\n", "V8 += 1.2\n",
                             "V8 ?=\n", "V8: all\n", "v8 ?= 1.2\n", "exportV8 ?= 1.2\n", "V8 1.2\n"}) {
        CAPTURE(none);
        CHECK(in_makefile(none) == "none");
    }
}

TEST_CASE("of several assignments the one that make would use") {
    CHECK(in_makefile("V8 ?= 1.1\nV8 ?= 1.2\n") == "1.1");
    CHECK(in_makefile("V8 ?= 1.1\nV8 = 1.2\n") == "1.2");
    CHECK(in_makefile("V8 = 1.1\nV8 ?= 1.2\n") == "1.1");
    const auto found = recipe::find_version_in_makefile("\n\nV8 ?= 1.1\n", Runtime::v8, "Makefile of X");
    REQUIRE(found);
    CHECK(found->origin == "Makefile of X, line 3");
}

TEST_CASE("what make would have to compute is no version") {
    const Error error = error_of([] { in_makefile("A = 1\nV8 ?= $(shell cat v8)\n"); });
    CHECK(error.fault() == Fault::config);
    CHECK(error.message().starts_with("Makefile, line 2: "));
}

TEST_CASE("which version counts") {
    struct Row {
        VersionSources sources;
        Runtime runtime;
        const char* text;
        const char* origin;
    };
    const Row rows[] = {
        {sources("1.1", "2.2", "3.3", "4.4"), Runtime::v8, "1.1", "--runtime-version"},
        {sources("", "2.2", "3.3", "4.4"), Runtime::v8, "2.2", "$V8_VERSION"},
        {sources("", "", "3.3", "3.3"), Runtime::v8, "3.3", "other.yml, env"},
        {sources("", "", "3.3", ""), Runtime::v8, "3.3", "other.yml, env"},
        {sources("", "", "", "4.4"), Runtime::v8, "4.4", "Makefile of X, line 1"},
    };
    for (const Row& row : rows) {
        const auto version = recipe::choose_version(row.runtime, row.sources);
        CHECK(version.text == row.text);
        CHECK(version.origin == row.origin);
    }
}

TEST_CASE("workflow and Makefile that disagree, unless by hand") {
    const Error error = error_of([] { recipe::choose_version(Runtime::v8, sources("", "", "3.3", "4.4")); });
    CHECK(error.fault() == Fault::config);
    CHECK(error.message() == "two versions of v8: 3.3 (other.yml, env) and 4.4 (Makefile of X, line 1)");
    CHECK(error.hint().find("--runtime-version 3.3") != std::string::npos);
}

TEST_CASE("no version anywhere") {
    VersionSources none;
    none.workflow = {"other.yml", "env: {RUNTIME: wasmer, VERSION: 3.1.1}"};
    const auto message = [&] { return error_of([&] { recipe::choose_version(Runtime::v8, none); }).message(); };
    CHECK(message().find("the module's Makefile cannot be read") != std::string::npos);
    none.makefile = {"Makefile of X", "WASMER ?= 3.1.1\n"};
    CHECK(message() == "no version of v8 to be found: other.yml names none, and Makefile of X sets no V8");
    CHECK(error_of([&] { recipe::choose_version(Runtime::v8, none); }).fault() == Fault::config);
}

TEST_CASE("V8_VERSION must be a version") {
    const Error bad = error_of([] { recipe::choose_version(Runtime::v8, sources("", "v2.2", "3.3", "4.4")); });
    CHECK(bad.fault() == Fault::usage);
    REQUIRE(bad.frames().size() == 1);
    CHECK(bad.frames()[0] == "reading $V8_VERSION");
}

TEST_CASE("the workflow compiled in has a version of v8") {
    const auto version = recipe::choose_version(Runtime::v8, {});
    CHECK(version.origin == "release.yml (built in), jobs.extract-arm.env");
    CHECK(recipe::built_in_workflow().find("VERSION: " + version.text + "\n") != std::string_view::npos);
    CHECK(recipe::Recipe{Runtime::v8, version.text, oci::Platform(oci::Architecture::arm64)}.tag().starts_with("v8-"));
}

TEST_SUITE_END();
