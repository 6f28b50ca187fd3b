// SPDX-License-Identifier: Apache-2.0
#include "build/run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/text.hpp"
#include "build/steps.hpp"

namespace wasmx::build {

namespace {

// The engine's words about a failed command repeat the command, which is our whole script.
std::string brief_reason(const engine::BuildOutcome& outcome) {
    if (outcome.exit_code) return fmt::format("exit code {}", *outcome.exit_code);
    const std::string reason = printable(trim(outcome.error));
    return reason.size() > 400 ? reason.substr(0, 200) + " … " + reason.substr(reason.size() - 200) : reason;
}

std::string hint_for(const engine::BuildOutcome& outcome, const std::vector<std::string>& lines) {
    std::string hint = cause_of({outcome.error});
    if (hint.empty()) hint = cause_of(lines);
    if (hint.empty() && outcome.exit_code == 137)
        hint =
            "the step was killed (exit code 137), most often for want of memory: `dmesg` on the engine's machine tells";
    return hint;
}

// Our script repeats the end of its whole output between two marks, since the live lines may have gaps; those between
// are enough then.
std::vector<std::string> end_of(std::vector<std::string> lines) {
    const auto is_mark = [](const std::string& line) { return line.starts_with("==== "); };
    const auto opening = std::find_if(lines.begin(), lines.end(),
                                      [&](const std::string& line) { return is_mark(line) && line.ends_with(':'); });
    if (opening == lines.end()) return lines;
    lines.erase(lines.begin(), opening + 1);
    if (!lines.empty() && is_mark(lines.back())) lines.pop_back();
    return lines;
}

[[noreturn]] void fail(const engine::BuildOutcome& outcome, const Steps& steps) {
    const std::string step = steps.failed_step();
    const auto lines = end_of(steps.last_lines());
    const bool by_step = outcome.exit_code.has_value() && !step.empty();
    Error error(Fault::failed,
                by_step ? fmt::format("step {} failed: {}", step, brief_reason(outcome)) : brief_reason(outcome),
                hint_for(outcome, lines));
    if (by_step) error.set_lines(lines);
    throw std::move(error);
}

/// What BuildKit keeps of the context of a build, twice its size, and never uses again.
class ContextRecords {
public:
    ContextRecords(engine::Engine& engine, bool in_use, Progress& progress) : engine_(engine), in_use_(in_use) {
        if (!in_use_) return;
        try {
            before_ = engine_.context_cache_records();
        } catch (const Error& error) {  // an engine that is counting for somebody else refuses to count for us
            in_use_ = false;
            progress.warn("the build cache will keep the context of this build: " + error.message());
        }
    }
    ContextRecords(const ContextRecords&) = delete;
    ContextRecords& operator=(const ContextRecords&) = delete;

    // Only those that came with our build: another's may be in use. Worth no failed build. A build that was broken off
    // holds them for a moment more.
    void remove(Progress& progress) noexcept {
        try {
            for (int attempt = 0; in_use_ && attempt < 10 && !remove_once(); ++attempt)
                std::this_thread::sleep_for(std::chrono::milliseconds(50));
        } catch (const std::exception& error) {
            progress.warn(fmt::format("the build cache keeps the context of this build: {}", error.what()));
        }
    }

private:
    bool remove_once() {
        bool all = true;
        for (const std::string& id : engine_.context_cache_records())
            if (std::find(before_.begin(), before_.end(), id) == before_.end())
                all = engine_.prune_cache_record(id) && all;
        return all;
    }

    engine::Engine& engine_;
    bool in_use_;
    std::vector<std::string> before_;
};

}  // namespace

std::string run(engine::Engine& engine, engine::BuildRequest request, const io::Body& context, Progress& progress) {
    const engine::Info info = engine.info();
    request.builder = engine::choose_builder(engine.identity(), info);
    // Over containerd's store (28.5.2) BuildKit forgets the results of all other steps when any record is removed:
    // hours of compiling, against twice the source's size, which the engine's own collection frees in time.
    ContextRecords records(engine, request.builder == engine::Builder::buildkit && !info.containerd_store, progress);
    Steps steps(progress);
    engine::BuildOutcome outcome;
    try {
        outcome = engine.build(request, context, [&](const engine::BuildEvent& event) { steps.take(event); });
    } catch (Error& error) {
        steps.close(error.fault() == Fault::interrupted ? "interrupted" : "failed");
        if (error.fault() == Fault::interrupted) records.remove(progress);
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
    records.remove(progress);
    if (ok) return outcome.image_id;
    if (outcome.error.empty())
        outcome.error = "the engine ended the build without an image and without a reason; its own log may tell";
    fail(outcome, steps);
}

}  // namespace wasmx::build
