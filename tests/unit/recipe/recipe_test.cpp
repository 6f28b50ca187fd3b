// SPDX-License-Identifier: Apache-2.0
#include "recipe/recipe.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "base/error.hpp"
#include "support/error_of.hpp"

using namespace wasmx;
using recipe::Recipe;
using recipe::Runtime;
using test::error_of;

namespace {

const oci::Platform arm64(oci::Architecture::arm64);
const oci::Platform x86_64(oci::Architecture::x86_64);

bool has(const std::vector<std::string>& files, const char* file) {
    return std::find(files.begin(), files.end(), file) != files.end();
}

}  // namespace

TEST_SUITE_BEGIN("recipe");

TEST_CASE("every name of the contract, for each runtime and platform") {
    struct Row {
        Recipe recipe;
        const char* tag;
        const char* top;
        const char* package;
        const char* script;
    };
    const Row rows[] = {
        {{Runtime::v8, "13.1.201.15", arm64},
         "v8-13.1.201.15-linux-arm64",
         "v8-13.1.201.15-linux-arm64",
         "ngx_wasm_runtime-v8-13.1.201.15-linux-arm64.tar.gz",
         "util/runtimes/v8.sh"},
        {{Runtime::v8, "13.1.201.15", x86_64},
         "v8-13.1.201.15-linux-amd64",
         "v8-13.1.201.15-linux-x86_64",
         "ngx_wasm_runtime-v8-13.1.201.15-linux-x86_64.tar.gz",
         "util/runtimes/v8.sh"},
        {{Runtime::v8, "14.0.1-rc-1", x86_64},
         "v8-14.0.1-rc-1-linux-amd64",
         "v8-14.0.1-rc-1-linux-x86_64",
         "ngx_wasm_runtime-v8-14.0.1-rc-1-linux-x86_64.tar.gz",
         "util/runtimes/v8.sh"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.tag);
        CHECK(row.recipe.tag() == row.tag);
        CHECK(row.recipe.top_directory() == row.top);
        CHECK(row.recipe.package_name() == row.package);
        CHECK(row.recipe.package_path() == "/wasmx/dist/" + std::string(row.package));
        CHECK(row.recipe.script() == row.script);
        const auto back = Recipe::from_tag(row.tag);
        REQUIRE(back);
        CHECK(back->runtime == row.recipe.runtime);
        CHECK(back->version == row.recipe.version);
        CHECK(back->platform == row.recipe.platform);
        const auto from_package = Recipe::from_package_name(row.package);
        REQUIRE(from_package);
        CHECK(from_package->tag() == row.tag);
    }
}

TEST_CASE("a tag that is none of ours") {
    for (const char* tag :
         {"", "-", "--", "---", "latest", "v8", "v8-13.1.201.15", "v8-13.1.201.15-linux", "v8-13.1.201.15-darwin-arm64",
          "v8-13.1.201.15-linux-x86_64", "v8-13.1.201.15-linux-aarch64", "v8--linux-arm64", "v9-1.0-linux-arm64",
          "V8-1.0-linux-arm64", "v8-1.0-Linux-arm64", "v8-linux-arm64", "v8-.1-linux-arm64", "v8-1/2-linux-arm64",
          "wasmtime-26.0.0-linux-arm64"}) {
        CAPTURE(tag);
        CHECK_FALSE(Recipe::from_tag(tag));
    }
}

TEST_CASE("a package's name that is none of ours") {
    for (const char* name :
         {"", ".tar.gz", "ngx_wasm_runtime-.tar.gz", "ngx_wasm_runtime.tar.gz", "v8-1.0-linux-arm64.tar.gz",
          "ngx_wasm_runtime-v8-1.0-linux-arm64.tgz", "ngx_wasm_runtime-v8-1.0-linux-arm64.tar.gz.sha256",
          "ngx_wasm_runtime-v8-1.0-linux-amd64.tar.gz", "ngx_wasm_runtime-v8-1.0-linux-aarch64.tar.gz",
          "ngx_wasm_runtime-v8-1.0-darwin-arm64.tar.gz", "ngx_wasm_runtime-v9-1.0-linux-arm64.tar.gz",
          "dist/ngx_wasm_runtime-v8-1.0-linux-arm64.tar.gz"}) {
        CAPTURE(name);
        CHECK_FALSE(Recipe::from_package_name(name));
    }
}

TEST_CASE("the functions that consumers call are each named once, in libraries that must be there") {
    std::set<std::string_view> seen;
    for (const auto& [library, functions] : recipe::facts_of(Runtime::v8).called) {
        CHECK(has(Recipe{Runtime::v8, "13.1.201.15", arm64}.required_files(), std::string(library).c_str()));
        for (const std::string_view function : functions) CHECK(seen.insert(function).second);
    }
    for (const char* name : {"wasm_engine_new", "wasm_instance_new", "wasm_func_call", "ngx_v8_set_flags"})
        CHECK(seen.contains(name));
}

TEST_CASE("runtimes by name") {
    CHECK(recipe::parse_runtime("v8") == Runtime::v8);
    CHECK(recipe::name_of(Runtime::v8) == "v8");
    struct Row {
        const char* name;
        const char* message;
        const char* hint;
    };
    for (const Row& row :
         {Row{"V\x1b[31m9", "--runtime knows no \"V9\"", "the runtime is v8"},
          Row{"wasmtime", "--runtime wasmtime is not supported", "NGX_WASM_RUNTIME=wasmtime make setup"},
          Row{"Wasmer", "--runtime wasmer is not supported", "NGX_WASM_RUNTIME=wasmer make setup"}}) {
        const Error error = error_of([&] { recipe::parse_runtime(row.name); });
        CHECK(error.fault() == Fault::usage);
        CHECK(error.message().find(row.message) != std::string::npos);
        CHECK(error.hint().find(row.hint) != std::string::npos);
    }
}

TEST_CASE("the files that a tarball must have") {
    const auto v8 = Recipe{Runtime::v8, "13.1.201.15", arm64}.required_files();
    CHECK(v8 == std::vector<std::string>{"include/v8bridge.h", "include/wasm.h", "lib/libv8bridge.a", "lib/libwee8.a"});
    CHECK_FALSE(has(Recipe{Runtime::v8, "11.4.183.23", arm64}.required_files(), "lib/libcwabt.a"));
    CHECK_FALSE(has(Recipe{Runtime::v8, "main", arm64}.required_files(), "lib/libcwabt.a"));
    const auto old = Recipe{Runtime::v8, "10.5.18", x86_64}.required_files();
    CHECK(has(old, "lib/libcwabt.a"));
    CHECK(has(old, "include/cwabt.h"));
    CHECK(has(old, "lib/libwee8.a"));
}

TEST_CASE("compile jobs fit processors and memory") {
    constexpr std::uint64_t gib = 1ULL << 30;
    struct Row {
        std::uint64_t processors;
        std::uint64_t memory;
        std::uint64_t jobs;
    };
    const Row rows[] = {{4, 64 * gib, 4}, {16, 16 * gib, 7},   {16, 18 * gib, 8}, {8, 4 * gib, 1},
                        {8, 6 * gib, 2},  {8, 6 * gib - 1, 1}, {8, 2 * gib, 1},   {8, gib, 1},
                        {8, 0, 1},        {0, 64 * gib, 1},    {1, 64 * gib, 1}};
    for (const Row& row : rows) {
        CAPTURE(row.processors);
        CAPTURE(row.memory);
        CHECK(recipe::fitting_jobs(row.processors, row.memory) == row.jobs);
    }
}

TEST_CASE("ninja runs more jobs than there are processors, which the limit counts in") {
    struct Row {
        std::uint64_t jobs;
        std::uint64_t processors;
    };
    for (const Row& row : {Row{0, 1}, Row{1, 1}, Row{2, 1}, Row{3, 2}, Row{4, 2}, Row{5, 3}, Row{6, 4}, Row{16, 14}}) {
        CAPTURE(row.jobs);
        CHECK(recipe::processors_for(row.jobs) == row.processors);
        CHECK((row.jobs < 2 || recipe::ninja_jobs(row.processors) <= row.jobs));
    }
}

TEST_SUITE_END();
