// SPDX-License-Identifier: Apache-2.0
#include "commands/doctor.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "commands/github_actions.hpp"

namespace wasmx::commands {

namespace {

void list(App& app) {
    for (const doctor::Check& check : doctor::checks()) app.result(fmt::format("{:<22}{}", check.id, check.title));
}

std::string_view without_newline(std::string_view text) {
    if (text.ends_with('\n')) text.remove_suffix(1);
    return text;
}

void tell_github(App& app, const doctor::Report& report) {
    for (const doctor::Finding& finding : report.findings) {
        const auto& [verdict, observed] = std::tie(finding.result.verdict, finding.result.observed);
        if (verdict != doctor::Verdict::warn && verdict != doctor::Verdict::fail) continue;
        const std::string& hint = finding.result.hint;
        annotate(app, verdict == doctor::Verdict::fail ? Level::error : Level::warning, finding.check.id,
                 hint.empty() ? observed : fmt::format("{}\n{}", observed, hint));
    }
    add_to_step_summary(app, doctor::markdown_of(report));
}

}  // namespace

void run_doctor(App& app, const Arguments& arguments) {
    const doctor::Selection selection = selection_from(arguments);
    doctor::Scene scene(request_from(arguments), app.http, app.progress, app.stop);
    if (arguments.has("--list")) return list(app);
    const doctor::Report report = doctor::examine(scene, selection);
    if (arguments.has("--json")) {
        app.result(doctor::json_of(report));
    } else {
        app.result(without_newline(doctor::text_of(report, {.colour = app.output.colour,
                                                            .symbols = app.output.symbols,
                                                            .verbose = arguments.has("--verbose"),
                                                            .width = app.output.width})));
    }
    if (in_github_actions()) tell_github(app, report);
    if (report.is_well()) return;
    const auto culprits = report.culprits();
    throw Error(Fault::failed, fmt::format("{} of {} checks failed: {}", culprits.size(), report.findings.size(),
                                           fmt::join(culprits, ", ")));
}

}  // namespace wasmx::commands
