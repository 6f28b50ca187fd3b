// SPDX-License-Identifier: Apache-2.0
#include "build/run.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "build/cause.hpp"
#include "build/steps.hpp"

namespace wasmx::build {

namespace {

// The engine's words about a failed command repeat the command, which may be a whole script.
std::string brief_reason(const engine::BuildOutcome& outcome) {
    if (outcome.exit_code) return fmt::format("exit code {}", *outcome.exit_code);
    const std::string reason = printable(trim(outcome.error));
    return reason.size() > 400 ? reason.substr(0, 200) + " … " + reason.substr(reason.size() - 200) : reason;
}

[[noreturn]] void fail(const engine::BuildOutcome& outcome, const Steps& steps) {
    const std::string step = steps.failed_step();
    const auto lines = steps.last_lines();
    const bool by_step = outcome.exit_code.has_value() && !step.empty();
    std::string hint = cause_of({outcome.error});
    if (hint.empty()) hint = cause_of({.exit_code = outcome.exit_code.value_or(0), .free_bytes = {}, .lines = lines});
    Error error(Fault::failed,
                by_step ? fmt::format("step {} failed: {}", step, brief_reason(outcome)) : brief_reason(outcome),
                std::move(hint));
    if (by_step) error.set_lines(lines);
    throw std::move(error);
}

}  // namespace

std::string run(engine::Engine& engine, engine::BuildRequest request, const io::Body& context, Progress& progress) {
    request.builder = engine::choose_builder(engine.identity(), engine.info());
    Steps steps(progress);
    engine::BuildOutcome outcome;
    try {
        outcome = engine.build(request, context, [&](const engine::BuildEvent& event) { steps.take(event); });
    } catch (Error& error) {
        steps.close(error.fault() == Fault::interrupted ? "interrupted" : "failed");
        if (const std::string step = steps.failed_step(); !step.empty()) {
            error.add_frame("running step " + step);
            if (error.fault() != Fault::interrupted) error.set_lines(steps.last_lines());
        }
        if (error.fault() == Fault::interrupted && engine.identity().podman)
            progress.warn(
                "podman cannot stop a build: the step goes on until it ends by itself, and then nothing more is done");
        throw;
    }
    const bool ok = outcome.error.empty() && !outcome.image_id.empty();
    steps.close(ok ? "" : "failed");
    if (ok) return outcome.image_id;
    if (outcome.error.empty())
        outcome.error = "the engine ended the build without an image and without a reason; its own log may tell";
    fail(outcome, steps);
}

}  // namespace wasmx::build
