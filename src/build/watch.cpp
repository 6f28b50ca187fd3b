// SPDX-License-Identifier: Apache-2.0
#include "build/watch.hpp"

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "build/cause.hpp"

namespace wasmx::build {

namespace {

constexpr int most_attempts = 60;  // a second apart

bool is_engine_away(const Error& error) { return error.fault() == Fault::unavailable; }

}  // namespace

std::optional<engine::ContainerState> watch(engine::Containers& containers, const std::string& id,
                                            const std::string& title, ScriptOutput& output, Progress& progress) {
    const auto task = progress.task(title, 0);
    std::uint64_t seen = 0;
    std::uint64_t done = 0;
    int attempts = 0;
    const auto take = [&](std::string_view bytes, Progress::Stream stream) {
        seen += bytes.size();
        attempts = 0;
        output.add(bytes);
        task->log(bytes, stream);
        if (const auto& count = output.count(); count && count->done != done) {
            done = count->done;
            task->steps(count->done, count->total);
        }
    };
    for (;;) {
        try {
            containers.follow_log(id, seen, take);
            auto state = containers.find(id);
            if (!state) {
                if (output.is_done()) {
                    task->done("done");
                } else {
                    task->failed("removed");
                }
                return state;
            }
            if (state->is_running()) {  // the log of an engine that is going down ends first
                std::this_thread::sleep_for(std::chrono::milliseconds(100));
                if (++attempts < most_attempts * 10) continue;
            }
            // podman 4.3 ends a log that is followed with the container, megabytes before its end.
            containers.read_log(id, seen, take);
            if (state->exit_code == 0) {
                task->done("done");
            } else {
                task->failed("failed");
            }
            return state;
        } catch (const Error& error) {
            if (error.fault() == Fault::interrupted) task->failed("stopped watching");
            if (error.fault() == Fault::not_found) return std::nullopt;
            if (!is_engine_away(error) || ++attempts > most_attempts) throw;
            if (attempts == 1)
                progress.warn("the engine does not answer; asking again for a minute: " + error.message());
            std::this_thread::sleep_for(std::chrono::seconds(1));
        }
    }
}

Error failure_of(const engine::ContainerState& state, const ScriptOutput& output) {
    if (!output.missing().empty()) {
        Error error(Fault::failed,
                    fmt::format("the base image lacks what the build needs: {} {}", output.missing().size(),
                                output.missing().size() == 1 ? "thing" : "things"),
                    "name another base image with --base-image, or install what is missing in it");
        error.set_lines(output.missing());
        return error;
    }
    if (output.phase() == "stopped")
        return {Fault::failed, "the build was cancelled", "run the same command again: it goes on where it stopped"};
    if (!state.error.empty() && output.phase().empty())
        return {Fault::failed, fmt::format("the build container does not start: {}", state.error)};
    const auto lines = output.explaining_lines();
    const Evidence evidence{.exit_code = state.exit_code,
                            .oom_killed = state.oom_killed || output.has_oom_kills(),
                            .free_bytes = output.free_bytes(),
                            .lines = lines};
    std::string hint = cause_of(evidence);
    if (hint.empty() && output.phase().starts_with("running"))
        hint = "fix the error above and run the same command again: the build continues where it stopped";
    if (hint.empty() && output.phase().starts_with("trying"))
        hint =
            "see what the module's script installs: a consumer includes the package's headers and links its libraries";
    Error error(
        Fault::failed,
        fmt::format("{}: exit code {}",
                    output.phase().empty() ? std::string("the build container failed") : output.phase() + " failed",
                    state.exit_code),
        std::move(hint));
    error.set_lines(lines);
    return error;
}

}  // namespace wasmx::build
