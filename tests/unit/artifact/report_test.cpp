// SPDX-License-Identifier: Apache-2.0
#include "artifact/report.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

namespace wasmx::artifact {

namespace {

const Report report{.subject = "x\x1b[31m.tar.gz",
                    .package_name = "x.tar.gz",
                    .platform = "linux/arm64",
                    .digest = "sha256:00",
                    .size = 3,
                    .files = 2,
                    .points = {{.id = "files", .title = "they are there", .observed = "a, b"},
                               {.id = "form",
                                .title = "it is sorted",
                                .verdict = Verdict::warn,
                                .observed = "not sorted",
                                .details = {"not sorted"}},
                               {.id = "libraries",
                                .title = "they are objects",
                                .verdict = Verdict::fail,
                                .observed = "2 things are wrong",
                                .details = {"a.o\x1b[31m", "b.o"},
                                .hint = "build it again"},
                               {.id = "run", .title = "it runs", .verdict = Verdict::skip, .observed = "not here"}}};

}  // namespace

TEST_SUITE_BEGIN("artifact");

TEST_CASE("a report as text") {
    CHECK(text_of(report, {}) ==
          "x.tar.gz\n"
          "  ok    files      a, b\n"
          "  warn  form       not sorted\n"
          "  FAIL  libraries  2 things are wrong\n"
          "                   - a.o\n"
          "                   - b.o\n"
          "                   hint: build it again\n"
          "  skip  run        not here\n"
          "\n1 passed, 1 warning, 1 failed, 1 skipped");
    const std::string verbose = text_of(report, {.colour = true, .symbols = true, .verbose = true});
    CHECK(verbose.find("  \x1b[32m✓\x1b[0m  files      a, b\n                asks whether they are there\n") !=
          std::string::npos);
}

TEST_CASE("a report keeps a list readable") {
    Report many = report;
    many.points[2].details.assign(60, "z.o");
    CHECK(text_of(many, {}).find("- and 10 more") != std::string::npos);
}

TEST_CASE("a warning fails where that is asked") {
    CHECK(report.culprits() == std::vector<std::string>{"libraries"});
    Report strict = report;
    strict.strict = true;
    CHECK(strict.culprits() == std::vector<std::string>{"form", "libraries"});
    strict.points = {report.points[0], report.points[3]};
    CHECK(strict.is_well());
}

TEST_CASE("a report as JSON") {
    const auto json = nlohmann::json::parse(json_of(report));
    CHECK(json["schema_version"] == 2);
    CHECK(json["package"]["size"] == 3);
    CHECK(json["points"].size() == 4);
    CHECK(json["points"][2]["verdict"] == "fail");
    CHECK(json["points"][2]["details"].size() == 2);
    CHECK(json["summary"]["ok"] == false);
    CHECK(json["summary"]["skip"] == 1);
}

TEST_SUITE_END();

}  // namespace wasmx::artifact
