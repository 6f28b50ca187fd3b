// SPDX-License-Identifier: Apache-2.0
#include "artifact/report.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

#include "base/text.hpp"
#include "io/json.hpp"

namespace wasmx::artifact {

namespace {

using Json = nlohmann::ordered_json;

constexpr int schema_version = 2;
constexpr std::size_t most_details = 50;

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

std::string text_of(const Point& point, std::size_t id_width, const Style& style) {
    const Look look = look_of(point.verdict);
    const std::string_view mark = style.symbols ? look.symbol : look.word;
    // Symbols are one column wide, whatever their bytes.
    const std::size_t mark_width = style.symbols ? 1 : 4;
    const std::size_t drawn = style.symbols ? 1 : mark.size();
    const std::size_t column = 2 + mark_width + 2 + id_width + 2;
    const std::string painted = style.colour ? fmt::format("{}{}\x1b[0m", look.colour, mark) : std::string(mark);
    std::string out = fmt::format("  {}{:{}}  {:<{}}  {}", painted, "", mark_width - drawn, point.id, id_width,
                                  wrapped(printable(point.observed), column, style.width));
    const auto add = [&](std::string_view line) {
        out += fmt::format("\n{:{}}{}", "", column, wrapped(printable(line), column, style.width));
    };
    if (style.verbose) add("asks whether " + point.title);
    const bool is_told = point.details.size() == 1 && point.details.front() == point.observed;
    for (std::size_t i = 0; i < std::min(point.details.size(), most_details) && !is_told; ++i)
        add("- " + point.details[i]);
    if (point.details.size() > most_details) add(fmt::format("- and {} more", point.details.size() - most_details));
    if (!point.hint.empty()) add("hint: " + point.hint);
    return out;
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

bool Report::is_well() const { return culprits().empty(); }

std::vector<std::string> Report::culprits() const {
    std::vector<std::string> out;
    for (const Point& point : points)
        if (point.verdict == Verdict::fail || (strict && point.verdict == Verdict::warn)) out.push_back(point.id);
    return out;
}

std::size_t Report::count(Verdict verdict) const {
    return static_cast<std::size_t>(
        std::count_if(points.begin(), points.end(), [&](const Point& point) { return point.verdict == verdict; }));
}

std::string text_of(const Report& report, const Style& style) {
    std::string out = printable(report.subject) + "\n";
    std::size_t id_width = 0;
    for (const Point& point : report.points) id_width = std::max(id_width, point.id.size());
    for (const Point& point : report.points) out += text_of(point, id_width, style) + "\n";
    out += fmt::format("\n{} passed", report.count(Verdict::pass));
    if (const auto count = report.count(Verdict::warn); count > 0)
        out += fmt::format(", {} {}", count, count == 1 ? "warning" : "warnings");
    if (const auto count = report.count(Verdict::fail); count > 0) out += fmt::format(", {} failed", count);
    if (const auto count = report.count(Verdict::skip); count > 0) out += fmt::format(", {} skipped", count);
    return out;
}

std::string json_of(const Report& report) {
    Json out{{"schema_version", schema_version},
             {"subject", report.subject},
             {"package",
              {{"name", report.package_name},
               {"platform", report.platform},
               {"digest", report.digest},
               {"size", report.size},
               {"files", report.files}}},
             {"points", Json::array()}};
    for (const Point& point : report.points)
        out["points"].push_back({{"id", point.id},
                                 {"title", point.title},
                                 {"verdict", name_of(point.verdict)},
                                 {"observed", point.observed},
                                 {"details", point.details},
                                 {"hint", point.hint}});
    Json summary = Json::object();
    for (const Verdict verdict : {Verdict::pass, Verdict::warn, Verdict::fail, Verdict::skip})
        summary[std::string(name_of(verdict))] = report.count(verdict);
    summary["ok"] = report.is_well();
    out["summary"] = std::move(summary);
    return io::json_text(out, 2);
}

}  // namespace wasmx::artifact
