// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "doctor/stage.hpp"

using namespace wasmx;
using namespace wasmx::doctor;

namespace {

Finding finding(std::string id, std::string_view group, Verdict verdict, std::string observed) {
    Finding out{.check = {.id = std::move(id), .group = group, .title = "all is well", .needs = {}, .run = nullptr},
                .result = {.verdict = verdict, .observed = std::move(observed)},
                .seconds = 0.25};
    return out;
}

Report sample() {
    Report report;
    report.seconds = 1.5;
    report.findings.push_back(finding("engine-reachable", "engine", Verdict::pass, "Docker answers"));
    auto memory = finding("engine-memory", "engine", Verdict::warn, "25.3 GB");
    memory.result.required = "30.0 GB";
    memory.result.where = "/info";
    memory.result.hint = "none needed";
    memory.result.figures = {{"memory_bytes", 25276510208}, {"jobs", 2}};
    report.findings.push_back(memory);
    auto push = finding("registry-push", "registry", Verdict::fail, "denied: \x1b[31mdenied");
    push.result.hint = "docker login";
    push.result.details = {"more"};
    report.findings.push_back(push);
    report.findings.push_back(finding("clock", "registry", Verdict::skip, "registry-reachable failed"));
    return report;
}

}  // namespace

TEST_SUITE_BEGIN("doctor");

TEST_CASE("the report in plain text") {
    CHECK(text_of(sample(), {}) ==
          "engine\n"
          "  ok    engine-reachable      Docker answers\n"
          "  warn  engine-memory         25.3 GB\n"
          "        required  30.0 GB\n"
          "        where     /info\n"
          "        hint      none needed\n"
          "\n"
          "registry\n"
          "  FAIL  registry-push         denied: denied\n"
          "                  more\n"
          "        hint      docker login\n"
          "  skip  clock                 registry-reachable failed\n"
          "\n"
          "1 passed, 1 warning, 1 failed, 1 skipped\n");
}

TEST_CASE("the report on a terminal") {
    const std::string text = text_of(sample(), {.colour = true, .symbols = true});
    CHECK(contains(text, "\x1b[1mengine\x1b[0m\n"));
    CHECK(contains(text, "  \x1b[32m✓\x1b[0m  engine-reachable      Docker answers\n"));
    CHECK(contains(text, "  \x1b[1;31m✗\x1b[0m  registry-push "));
    CHECK(contains(text_of(sample(), {.symbols = true}), "  ✓  engine-reachable      Docker answers\n"));
}

TEST_CASE("everything of every check") {
    const std::string text = text_of(sample(), {.verbose = true});
    CHECK(contains(text,
                   "  ok    engine-reachable      Docker answers\n"
                   "        asks      whether all is well\n"
                   "        took      0.2s\n"));
    CHECK(text.ends_with("1 passed, 1 warning, 1 failed, 1 skipped in 1.5s\n"));
}

TEST_CASE("a line that is too long goes on below where it began") {
    Report report;
    report.findings.push_back(
        finding("clock", "registry", Verdict::fail, "a word and another word and one more word that is the last"));
    CHECK(contains(text_of(report, {.width = 59}),
                   "  FAIL  clock                 a word and another word and\n"
                   "                              one more word that is the\n"
                   "                              last\n"));
}

TEST_CASE("what was ignored says so") {
    auto ignored = finding("clock", "registry", Verdict::warn, "off");
    ignored.ignored = true;
    CHECK(text_of(ignored, {}) == "  warn  clock                 off (ignored)");
}

TEST_CASE("the report in JSON") {
    Report report = sample();
    report.findings[0].result.observed = "bad \xff bytes";
    const auto json = nlohmann::json::parse(json_of(report));
    CHECK(json.at("schema_version") == 2);
    CHECK(json.at("checks").size() == 4);
    CHECK(json.at("checks")[1].at("figures") == nlohmann::json{{"memory_bytes", 25276510208}, {"jobs", 2}});
    CHECK(json.at("checks")[2].at("verdict") == "fail");
    CHECK(json.at("checks")[2].at("details") == nlohmann::json{"more"});
    CHECK(json.at("summary") ==
          nlohmann::json{{"pass", 1}, {"warn", 1}, {"fail", 1}, {"skip", 1}, {"ok", false}, {"seconds", 1.5}});
    report.findings.erase(report.findings.begin() + 2);
    CHECK(nlohmann::json::parse(json_of(report)).at("summary").at("ok") == true);
    report.warnings = Selection::Warnings::fail;
    CHECK(nlohmann::json::parse(json_of(report)).at("summary").at("ok") == false);
}

TEST_CASE("a table in Markdown, where what was observed is text alone") {
    Report report;
    report.findings.push_back(finding("clock", "registry", Verdict::fail, "a|b <img> [x](y)\nz `w`"));
    const std::string text = markdown_of(report);
    CHECK(contains(text, "| ❌ | clock | a\\|b \\<img\\> \\[x\\](y) z \\`w\\` |  |\n"));
    CHECK(contains(text, "\n0 passed, 1 failed\n"));
}

TEST_SUITE_END();
