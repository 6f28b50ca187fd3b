// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "base/error.hpp"
#include "recipe/recipe.hpp"

using namespace wasmx;
using recipe::Runtime;

namespace {

std::string version_in(const std::string& yaml, Runtime runtime = Runtime::v8) {
    const auto version = recipe::find_version_in_workflow(yaml, runtime, "w.yml");
    return version ? version->text + " from " + version->origin : "none";
}

Error error_in(const std::string& yaml) {
    try {
        version_in(yaml);
    } catch (const Error& error) {
        return error;
    }
    FAIL("accepted: " << yaml);
    return {Fault::bug, ""};
}

}  // namespace

TEST_SUITE_BEGIN("recipe");

TEST_CASE("an env block of the workflow, of a job, of a step") {
    struct Row {
        const char* yaml;
        const char* found;
    };
    const Row rows[] = {
        {"env: {RUNTIME: v8, VERSION: 13.1.201.15}", "13.1.201.15 from w.yml, env"},
        {"jobs:\n  a:\n    env:\n      RUNTIME: v8\n      VERSION: 1.2\n", "1.2 from w.yml, jobs.a.env"},
        {"jobs: {a: {steps: [{run: x}, {env: {RUNTIME: v8, VERSION: 1.2}}]}}", "1.2 from w.yml, jobs.a.steps[1].env"},
        // All ways to write a text, and comments, are YAML's business.
        {"env: {RUNTIME: 'v8', VERSION: \"1.2\"} # 9.9", "1.2 from w.yml, env"},
        {"env:\n  RUNTIME: v8 # not 9.9\n  # VERSION: 9.9\n  VERSION: 1.20\n", "1.20 from w.yml, env"},
        {"env:\n  VERSION: >-\n    1.2\n  RUNTIME: |\n    v8\n", "1.2 from w.yml, env"},
        {"\"env\": {\"RUNTIME\": \"v8\", \"VERSION\": \"1.2\"}", "1.2 from w.yml, env"},
        {"x: &v 1.2\nenv: {RUNTIME: v8, VERSION: *v}", "1.2 from w.yml, env"},
        {"x: &e {RUNTIME: v8, VERSION: 1.2}\njobs: {a: {env: *e}}", "1.2 from w.yml, jobs.a.env"},
        {"x: &e {RUNTIME: v8, VERSION: 9.9}\njobs: {a: {env: {<<: *e, VERSION: 1.2}}}", "1.2 from w.yml, jobs.a.env"},
        {"x: &e {VERSION: 1.2}\ny: &f {RUNTIME: v8}\nenv: {<<: [*e, *f]}", "1.2 from w.yml, env"},
        {"env: {RUNTIME: v8, VERSION: 1.2}\r\n", "1.2 from w.yml, env"},
        {"\xef\xbb\xbf"
         "env: {RUNTIME: v8, VERSION: 1.2}",
         "1.2 from w.yml, env"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.yaml);
        CHECK(version_in(row.yaml) == row.found);
    }
}

TEST_CASE("what names no version of the runtime") {
    for (const char* yaml : {
             "name: Release",
             "env: {RUNTIME: wasmer, VERSION: 3.1.1}",
             "env: {VERSION: 1.2}",
             "env: {RUNTIME: v8}",
             "env: {RUNTIME: v8, VERSION: }",
             "env: {RUNTIME: v8, VERSION: [1.2]}",
             "env: {runtime: v8, version: 1.2}",
             "env: [RUNTIME, v8]",
             "env: text",
             "env: {RUNTIME: '${{ matrix.runtime }}', VERSION: 1.2}",
             "env: {RUNTIME: v8, VERSION: '${{ inputs.version }}'}",
             "jobs: [a, b]",
             "jobs: {a: text, b: , c: [x]}",
             "jobs: {a: {steps: {env: {RUNTIME: v8, VERSION: 1.2}}}}",
             "jobs: {a: {strategy: {matrix: '${{ fromJSON(x) }}'}}}",
             "jobs: {a: {with: {env: {RUNTIME: v8, VERSION: 1.2}}}}",
         }) {
        CAPTURE(yaml);
        CHECK(version_in(yaml) == "none");
    }
}

TEST_CASE("matrix entries") {
    const std::string env = "env: {RUNTIME: v8, VERSION: 1.2}\n";
    const std::string include = "jobs: {b: {strategy: {matrix: {include: [{runtime: wasmer, version: 3}, ";
    CHECK(version_in(env + include + "{runtime: v8, version: 1.2}]}}}}") == "1.2 from w.yml, env");
    CHECK(version_in(include + "{runtime: v8, version: 1.2}]}}}}") ==
          "1.2 from w.yml, jobs.b.strategy.matrix.include[1]");
    CHECK(version_in(include + "{runtime: v8, version: '${{ env.X }}'}]}}}}") == "none");
    CHECK(version_in("jobs: {b: {strategy: {matrix: {runtime: [v8], version: [1.2]}}}}") ==
          "1.2 from w.yml, jobs.b.strategy.matrix");
    CHECK(version_in("jobs: {b: {strategy: {matrix: {runtime: [wasmer], version: [1.2, 1.3]}}}}") == "none");
    // The block of an env is the origin, wherever it stands.
    CHECK(version_in("jobs: {b: {strategy: {matrix: {include: [{runtime: v8, version: 1.2}]}}}, "
                     "z: {env: {RUNTIME: v8, VERSION: 1.2}}}") == "1.2 from w.yml, jobs.z.env");
}

TEST_CASE("places that disagree are both named") {
    const Error matrix = error_in(
        "env:\n  RUNTIME: v8\n  VERSION: 1.2\n"
        "jobs: {b: {strategy: {matrix: {include: [\n  {runtime: v8, version: 1.3}]}}}}");
    CHECK(matrix.fault() == Fault::config);
    CHECK(matrix.message() ==
          "w.yml names two versions of v8: 1.2 in env (line 3), 1.3 in jobs.b.strategy.matrix.include[0] (line 5)");
    CHECK(error_in("jobs: {a: {env: {RUNTIME: v8, VERSION: 1.2}}, b: {env: {RUNTIME: v8, VERSION: 1.20}}}").message() ==
          "w.yml names two versions of v8: 1.2 in jobs.a.env (line 1), 1.20 in jobs.b.env (line 1)");
    CHECK_THROWS_AS(version_in("jobs: {b: {strategy: {matrix: {runtime: [v8], version: [1.2, 1.3]}}}}"), Error);
}

TEST_CASE("text that is no workflow") {
    for (const char* yaml : {"", "just text", "- a\n- b\n", "a: [", "a: b: c", "env: {RUNTIME: v8, VERSION: *nowhere}",
                             "\t- x", "%YAML 9", "{{{{", "? [", "!<", "&", "a: |99\n x"}) {
        CAPTURE(yaml);
        CHECK(error_in(yaml).fault() == Fault::config);
    }
    CHECK(error_in("a: 1\nb: [").message().starts_with("w.yml, line "));
    CHECK(error_in(std::string(2 << 20, ' ')).message() == "w.yml is too large for a workflow (2.0 MiB)");
    CHECK(error_in(std::string(100'000, '[')).fault() == Fault::config);  // and not a stack overflow
}

TEST_CASE("lists that are multiplied, and aliases of aliases, end in an error and not in hours") {
    std::string many;
    for (int i = 0; i < 20'000; ++i) many += "v8, ";
    const std::string matrix = "jobs: {b: {strategy: {matrix: {runtime: [" + many + "], version: [" + many + "]}}}}";
    const Error error = error_in(matrix);
    CHECK(error.fault() == Fault::config);
    CHECK(error.message().find("more than 1000 places") != std::string::npos);
    std::string laughs = "x0: &x0 {env: {RUNTIME: v8, VERSION: 1.2}}\n";
    for (int i = 1; i < 40; ++i) {
        const std::string below = "*x" + std::to_string(i - 1);
        laughs += fmt::format("x{0}: &x{0} [{1}, {1}, {1}, {1}, {1}, {1}, {1}, {1}]\n", i, below);
    }
    CHECK(version_in(laughs + "jobs: {a: *x0, b: *x39, c: {steps: *x1}}") == "1.2 from w.yml, jobs.a.env");
}

TEST_CASE("a version that could not stand in a tag") {
    const Error error = error_in("env:\n  RUNTIME: v8\n  VERSION: v13.1\n");
    CHECK(error.fault() == Fault::config);
    CHECK(error.message().starts_with("w.yml, env (line 3): \"v13.1\""));
    CHECK(error.hint() == "give it without: 13.1");
}

TEST_SUITE_END();
