// SPDX-License-Identifier: Apache-2.0
#include "recipe/recipe.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "base/error.hpp"

using namespace wasmx;
using recipe::Recipe;
using recipe::Runtime;

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
        {{Runtime::wasmtime, "26.0.0", arm64},
         "wasmtime-26.0.0-linux-arm64",
         "wasmtime-26.0.0-linux-arm64",
         "ngx_wasm_runtime-wasmtime-26.0.0-linux-arm64.tar.gz",
         "util/runtimes/wasmtime.sh"},
        {{Runtime::wasmer, "3.1.1-rc-1", x86_64},
         "wasmer-3.1.1-rc-1-linux-amd64",
         "wasmer-3.1.1-rc-1-linux-x86_64",
         "ngx_wasm_runtime-wasmer-3.1.1-rc-1-linux-x86_64.tar.gz",
         "util/runtimes/wasmer.sh"},
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
          "V8-1.0-linux-arm64", "v8-1.0-Linux-arm64", "v8-linux-arm64", "v8-.1-linux-arm64", "v8-1/2-linux-arm64"}) {
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

TEST_CASE("what a consumer links with") {
    CHECK(Recipe{Runtime::v8, "13.1.201.15", arm64}.link_line() ==
          std::vector<std::string>{"-lv8bridge", "-lwee8", "-ldl", "-lm", "-lpthread", "-lstdc++", "-latomic"});
    CHECK(Recipe{Runtime::wasmtime, "26.0.0", arm64}.link_line().front() == "-lwasmtime");
    CHECK(Recipe{Runtime::wasmer, "3.1.1", arm64}.link_line().front() == "-lwasmer");
}

TEST_CASE("the functions that consumers call are V8's, each once, in libraries that must be there") {
    const Recipe v8{Runtime::v8, "13.1.201.15", arm64};
    std::set<std::string> seen;
    for (const auto& [library, functions] : v8.called_functions()) {
        CHECK(has(v8.required_files(), library.c_str()));
        for (const std::string& function : functions) CHECK(seen.insert(function).second);
    }
    for (const char* name : {"wasm_engine_new", "wasm_instance_new", "wasm_func_call", "ngx_v8_set_flags"})
        CHECK(seen.contains(name));
    CHECK(Recipe{Runtime::v8, "10.5.18", arm64}.called_functions() == v8.called_functions());
    CHECK(Recipe{Runtime::wasmtime, "26.0.0", arm64}.called_functions().empty());
    CHECK(Recipe{Runtime::wasmer, "3.1.1", arm64}.called_functions().empty());
}

TEST_CASE("runtimes by name") {
    CHECK(recipe::parse_runtime("v8") == Runtime::v8);
    CHECK(recipe::parse_runtime("wasmtime") == Runtime::wasmtime);
    CHECK(recipe::parse_runtime("wasmer") == Runtime::wasmer);
    for (const Runtime runtime : {Runtime::v8, Runtime::wasmtime, Runtime::wasmer})
        CHECK(recipe::parse_runtime(recipe::name_of(runtime)) == runtime);
    CHECK(recipe::makefile_variable(Runtime::wasmtime) == "WASMTIME");
    try {
        recipe::parse_runtime("Wasmtim\x1b[31m");
        FAIL("accepted");
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::usage);
        CHECK(error.message() == "no runtime of ours: \"Wasmtim\"");
        CHECK(error.hint().find("did you mean wasmtime?") != std::string::npos);
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
    CHECK(has(Recipe{Runtime::wasmtime, "26.0.0", arm64}.required_files(), "lib/libwasmtime.a"));
    CHECK(has(Recipe{Runtime::wasmer, "3.1.1", arm64}.required_files(), "include/wasmer.h"));
}

TEST_CASE("the Rust runtimes are built for release") {
    CHECK(Recipe{Runtime::v8, "1", arm64}.script_environment().empty());
    const auto wasmtime = Recipe{Runtime::wasmtime, "1", arm64}.script_environment();
    REQUIRE(wasmtime.size() == 2);
    CHECK(wasmtime[0] == std::pair<std::string, std::string>{"NGX_BUILD_WASMTIME_PROFILE", "release"});
    for (const Runtime runtime : {Runtime::wasmtime, Runtime::wasmer})
        for (const auto& [name, value] : Recipe{runtime, "1", arm64}.script_environment()) {
            CHECK_FALSE(value.empty());  // empty would be as good as unset
            CHECK(value.find('\n') == std::string::npos);
        }
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
