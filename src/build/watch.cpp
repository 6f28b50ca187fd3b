// SPDX-License-Identifier: Apache-2.0
#include "build/watch.hpp"

#include <fmt/format.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/text.hpp"
#include "build/cause.hpp"

namespace wasmx::build {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int most_attempts = 60;  // a second apart

bool is_engine_away(const Error& error) { return error.fault() == Fault::unavailable; }

/// Beside the log: what the container takes, whether it has become silent, and whether the time is up.
class Observer {
public:
    Observer(engine::Containers& containers, const std::string& id, const WatchSettings& settings, Progress::Task& task,
             Progress& progress)
        : containers_(containers),
          id_(id),
          settings_(settings),
          task_(task),
          progress_(progress),
          heard_(Clock::now()),
          thread_([this](const std::stop_token& stop) { run(stop); }) {}

    void hear() { heard_ = Clock::now(); }
    /// Asked to stop when the time is up.
    std::stop_token time_up() const { return time_up_.get_token(); }

private:
    static constexpr std::chrono::seconds interval{2};

    void run(const std::stop_token& stop) {
        const auto begin = Clock::now();
        std::unique_lock lock(mutex_);
        while (!stop.stop_requested()) {
            measure();
            note_silence();
            if (settings_.limit.count() > 0 && Clock::now() - begin >= settings_.limit) time_up_.request_stop();
            wake_.wait_for(lock, stop, std::min<std::chrono::seconds>(interval, settings_.silence),
                           [] { return false; });
        }
    }

    void measure() {
        try {
            const auto usage = containers_.usage(id_);
            const auto now = Clock::now();
            if (usage && last_) {
                const std::chrono::duration<double> worked = usage->processors - last_->processors;
                processors_ = worked / std::chrono::duration<double>(now - measured_at_);
                task_.usage(usage->memory, std::max(processors_, 0.0));
            }
            last_ = usage;
            measured_at_ = now;
        } catch (const Error&) {  // who follows the log says what is wrong with the engine
        }
    }

    void note_silence() {
        const Clock::time_point since = std::max(heard_.load(), told_);
        if (Clock::now() - since < settings_.silence) return;
        told_ = Clock::now();
        const auto silent = std::chrono::duration<double>(told_ - heard_.load()).count();
        progress_.note(fmt::format("no output for {}{}", human_seconds(silent),
                                   last_ ? fmt::format("; the container takes {:.1f} processors and {} of memory",
                                                       processors_, human_bytes(last_->memory))
                                         : std::string()));
    }

    engine::Containers& containers_;
    const std::string& id_;
    const WatchSettings& settings_;
    Progress::Task& task_;
    Progress& progress_;
    std::stop_source time_up_;
    std::atomic<Clock::time_point> heard_;
    Clock::time_point told_{};
    std::optional<engine::Usage> last_;
    Clock::time_point measured_at_{};
    double processors_ = 0;
    std::mutex mutex_;
    std::condition_variable_any wake_;
    std::jthread thread_;
};

}  // namespace

std::optional<engine::ContainerState> watch(engine::Containers& containers, const std::string& id,
                                            const WatchSettings& settings, ScriptOutput& output, Progress& progress) {
    const auto task = progress.task(settings.title, 0);
    Observer observer(containers, id, settings, *task, progress);
    const std::stop_token time_up = observer.time_up();
    std::uint64_t seen = 0;
    std::uint64_t done = 0;
    int attempts = 0;
    const auto take = [&](std::string_view bytes, Progress::Stream stream) {
        seen += bytes.size();
        attempts = 0;
        observer.hear();
        output.add(bytes, stream);
        task->log(bytes, stream);
        if (const auto& count = output.count(); count && count->done != done) {
            done = count->done;
            task->steps(count->done, count->total);
        }
    };
    for (;;) {
        try {
            containers.follow_log(id, seen, take, time_up);
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
            if (time_up.stop_requested()) {
                task->failed("out of time");
                throw TimeIsUp{};
            }
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
                    fmt::format("the build needs what its container does not have: {} {}", output.missing().size(),
                                output.missing().size() == 1 ? "thing" : "things"),
                    "a program that is missing belongs into the base image: install it there, or name another with "
                    "--base-image");
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
