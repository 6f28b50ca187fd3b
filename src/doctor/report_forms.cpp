// SPDX-License-Identifier: Apache-2.0
// The report for programs: JSON, and the Markdown of a step's summary.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/markdown.hpp"
#include "base/text.hpp"
#include "doctor/doctor.hpp"
#include "io/json.hpp"

namespace wasmx::doctor {

namespace {

using Json = nlohmann::ordered_json;

constexpr int schema_version = 2;

Json json_of(const Finding& finding) {
    const Result& result = finding.result;
    Json out{{"id", finding.check.id},       {"group", finding.check.group},
             {"title", finding.check.title}, {"verdict", name_of(result.verdict)},
             {"ignored", finding.ignored},   {"observed", result.observed},
             {"required", result.required},  {"where", result.where},
             {"hint", result.hint},          {"details", result.details},
             {"seconds", finding.seconds},   {"figures", Json::object()}};
    for (const auto& [name, value] : result.figures) out["figures"][name] = value;
    return out;
}

}  // namespace

std::string json_of(const Report& report) {
    Json out{{"schema_version", schema_version}, {"checks", Json::array()}};
    for (const Finding& finding : report.findings) out["checks"].push_back(json_of(finding));
    Json summary = Json::object();
    for (const Verdict verdict : {Verdict::pass, Verdict::warn, Verdict::fail, Verdict::skip})
        summary[std::string(name_of(verdict))] = report.count(verdict);
    summary["ok"] = report.is_well();
    summary["seconds"] = report.seconds;
    out["summary"] = std::move(summary);
    return io::json_text(out, 2);
}

std::string markdown_of(const Report& report) {
    std::string out = "### wasmx-image doctor\n\n| | check | observed | hint |\n|---|---|---|---|\n";
    for (const Finding& finding : report.findings) {
        const Verdict verdict = finding.result.verdict;
        const std::string_view sign = verdict == Verdict::pass   ? "✅"
                                      : verdict == Verdict::warn ? "⚠️"
                                      : verdict == Verdict::fail ? "❌"
                                                                 : "➖";
        out += fmt::format("| {} | {} | {}{} | {} |\n", sign, markdown_cell(finding.check.id),
                           markdown_cell(finding.result.observed), finding.ignored ? " (ignored)" : "",
                           markdown_cell(finding.result.hint));
    }
    return out + fmt::format("\n{}\n", summary_of(report));
}

}  // namespace wasmx::doctor
