// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "doctor/doctor.hpp"

namespace wasmx::doctor {

namespace {

constexpr std::size_t detail_column = 8;

struct Look {
    std::string_view word;
    std::string_view symbol;
    std::string_view colour;
};

Look look_of(Verdict verdict) {
    switch (verdict) {
        case Verdict::pass: return {"ok", "✓", "\x1b[32m"};
        case Verdict::warn: return {"warn", "!", "\x1b[33m"};
        case Verdict::fail: return {"FAIL", "✗", "\x1b[1;31m"};
        case Verdict::skip: break;
    }
    return {"skip", "–", "\x1b[2m"};
}

std::string painted(std::string_view text, std::string_view colour, const Style& style) {
    return style.colour ? fmt::format("{}{}\x1b[0m", colour, text) : std::string(text);
}

std::size_t widest_id() {
    std::size_t width = 0;
    for (const Check& check : checks()) width = std::max(width, check.id.size());
    return width;
}

void add_row(std::string& out, std::string_view name, const std::string& value, const Style& style) {
    constexpr std::size_t name_width = 10;
    if (value.empty()) return;
    out += fmt::format("\n{:{}}{:<{}}{}", "", detail_column, name, name_width,
                       wrapped(printable(value), detail_column + name_width, style.width));
}

}  // namespace

std::string_view name_of(Verdict verdict) {
    switch (verdict) {
        case Verdict::pass: return "pass";
        case Verdict::warn: return "warn";
        case Verdict::fail: return "fail";
        case Verdict::skip: break;
    }
    return "skip";
}

std::string text_of(const Finding& finding, const Style& style) {
    const Result& result = finding.result;
    const Look look = look_of(result.verdict);
    const std::string_view mark = style.symbols ? look.symbol : look.word;
    // Symbols are one column wide, whatever their bytes.
    const std::size_t mark_width = style.symbols ? 1 : 4;
    const std::size_t drawn = style.symbols ? 1 : mark.size();
    const std::size_t column = 2 + mark_width + 2 + widest_id() + 2;
    std::string observed = printable(result.observed);
    if (finding.ignored) observed += " (ignored)";
    std::string out = fmt::format("  {}{:{}}  {:<{}}  {}", painted(mark, look.colour, style), "", mark_width - drawn,
                                  finding.check.id, widest_id(), wrapped(observed, column, style.width));
    const bool is_well = result.verdict == Verdict::pass || result.verdict == Verdict::skip;
    if (is_well && !style.verbose) return out;
    if (style.verbose) add_row(out, "asks", fmt::format("whether {}", finding.check.title), style);
    add_row(out, "required", result.required, style);
    add_row(out, "where", result.where, style);
    for (const std::string& line : result.details) add_row(out, "", line, style);
    add_row(out, "hint", result.hint, style);
    if (style.verbose) add_row(out, "took", human_seconds(finding.seconds), style);
    return out;
}

bool Report::is_well() const { return culprits().empty(); }

std::vector<std::string> Report::culprits() const {
    auto out = ids(Verdict::fail);
    if (warnings == Selection::Warnings::fail)
        for (std::string& id : ids(Verdict::warn)) out.push_back(std::move(id));
    return out;
}

std::size_t Report::count(Verdict verdict) const { return ids(verdict).size(); }

std::vector<std::string> Report::ids(Verdict verdict) const {
    std::vector<std::string> out;
    for (const Finding& finding : findings)
        if (finding.result.verdict == verdict) out.push_back(finding.check.id);
    return out;
}

std::string summary_of(const Report& report) {
    std::string out = fmt::format("{} passed", report.count(Verdict::pass));
    if (const auto count = report.count(Verdict::warn); count > 0)
        out += fmt::format(", {} {}", count, count == 1 ? "warning" : "warnings");
    if (const auto count = report.count(Verdict::fail); count > 0) out += fmt::format(", {} failed", count);
    if (const auto count = report.count(Verdict::skip); count > 0) out += fmt::format(", {} skipped", count);
    return out;
}

std::string text_of(const Report& report, const Style& style) {
    std::string out;
    std::string_view group;
    for (const Finding& finding : report.findings) {
        if (finding.check.group != group) {
            group = finding.check.group;
            out += fmt::format("{}{}\n", out.empty() ? "" : "\n", painted(group, "\x1b[1m", style));
        }
        out += text_of(finding, style) + "\n";
    }
    out += fmt::format("\n{}", summary_of(report));
    if (style.verbose) out += fmt::format(" in {}", human_seconds(report.seconds));
    return out + "\n";
}

}  // namespace wasmx::doctor
