// SPDX-License-Identifier: Apache-2.0
#include "cli/views.hpp"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <map>

#include "base/error.hpp"
#include "base/text.hpp"
#include "io/file.hpp"
#include "io/json.hpp"

namespace wasmx::cli {

namespace {

double seconds_of(const View::Task& task) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - task.since).count();
}

std::uint64_t rate_of(const View::Task& task) {
    return static_cast<std::uint64_t>(static_cast<double>(task.current) / std::max(seconds_of(task), 0.001));
}

// A terminal or pipe that went away is no reason to stop the work.
void say(int fd, std::string text) {
    text += '\n';
    try {
        io::write_all(fd, io::bytes_of(text), "standard error");
    } catch (const Error&) {
    }
}

class PlainView : public View {
public:
    explicit PlainView(int fd) : fd_(fd) {}
    void started(const Task& task) override { put(fmt::format("#{} {}", task.id, task.name)); }
    void line(const Task& task, const std::string& text, Progress::Stream) override {
        put(fmt::format("#{} {:.1f} {}", task.id, seconds_of(task), text));
    }
    // A long upload must not look like one that hangs; a short one needs no line.
    void advanced(const Task& task) override {
        const auto now = std::chrono::steady_clock::now();
        const auto [last, is_new] = told_.try_emplace(task.id, task.since);
        if (now - last->second < told_every) return;
        last->second = now;
        put(fmt::format("#{} {:.1f} {}", task.id, seconds_of(task), amount_of(task)));
    }
    void stepped(const Task& task) override { tell_state(task); }
    void measured(const Task& task) override { tell_state(task); }
    void ended(const Task& task, const std::string& how, bool well) override {
        told_.erase(task.id);
        stepped_.erase(task.id);
        put(fmt::format("#{} {}{} {}", task.id, well ? "" : "ERROR: ", how, human_seconds(seconds_of(task))));
    }
    void note(const std::string& text) override { put(text); }
    void warn(const std::string& text) override { put("warning: " + text); }

protected:
    virtual void put(const std::string& text) { say(fd_, text); }
    int fd_;

private:
    // A line a minute.
    void tell_state(const Task& task) {
        const auto now = std::chrono::steady_clock::now();
        const auto [last, is_new] = stepped_.try_emplace(task.id, now);
        if (now - last->second < std::chrono::minutes(1)) return;
        last->second = now;
        const std::string steps = steps_of(task);
        const std::string usage = usage_of(task);
        put(fmt::format("#{} {:.1f} {}{}{}", task.id, seconds_of(task), steps,
                        steps.empty() || usage.empty() ? "" : "; ", usage));
    }

    static constexpr std::chrono::seconds told_every{10};
    std::map<unsigned, std::chrono::steady_clock::time_point> told_;
    std::map<unsigned, std::chrono::steady_clock::time_point> stepped_;
};

class LogView final : public PlainView {
public:
    explicit LogView(io::Fd file) : PlainView(file.get()), file_(std::move(file)) {}

protected:
    void put(const std::string& text) override {
        const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
        say(fd_, fmt::format("{:%H:%M:%SZ} {}", fmt::gmtime(now), text));
    }

private:
    io::Fd file_;
};

class QuietView final : public View {
public:
    explicit QuietView(int fd) : fd_(fd) {}
    void started(const Task&) override {}
    void line(const Task&, const std::string&, Progress::Stream) override {}
    void advanced(const Task&) override {}
    void ended(const Task&, const std::string&, bool) override {}
    void note(const std::string&) override {}
    void warn(const std::string& text) override { say(fd_, "warning: " + text); }

private:
    int fd_;
};

class JsonView final : public View {
public:
    explicit JsonView(int fd) : fd_(fd) {}
    void started(const Task& task) override {
        put({{"event", "started"}, {"task", task.id}, {"name", task.name}, {"total", task.total}});
    }
    void line(const Task& task, const std::string& text, Progress::Stream stream) override {
        put({{"event", "log"},
             {"task", task.id},
             {"stream", stream == Progress::Stream::err ? "stderr" : "stdout"},
             {"text", text}});
    }
    void advanced(const Task& task) override {
        const auto now = std::chrono::steady_clock::now();
        auto& told = told_[task.id];
        if (now - told < std::chrono::milliseconds(200)) return;
        told = now;
        put({{"event", "progress"},
             {"task", task.id},
             {"current", task.current},
             {"total", task.total},
             {"rate", rate_of(task)}});
    }
    void stepped(const Task& task) override {
        const auto now = std::chrono::steady_clock::now();
        auto& told = stepped_[task.id];
        if (now - told < std::chrono::seconds(1) && task.steps_done != task.steps_total) return;
        told = now;
        nlohmann::json event{
            {"event", "steps"}, {"task", task.id}, {"done", task.steps_done}, {"total", task.steps_total}};
        if (const auto left = seconds_left(task)) event["seconds_left"] = *left;
        put(event);
    }
    void measured(const Task& task) override {
        const auto now = std::chrono::steady_clock::now();
        auto& told = measured_[task.id];
        if (now - told < std::chrono::seconds(10)) return;
        told = now;
        put({{"event", "usage"},
             {"task", task.id},
             {"memory_bytes", task.memory},
             {"processors", std::round(task.processors * 100) / 100}});
    }
    void ended(const Task& task, const std::string& how, bool well) override {
        told_.erase(task.id);
        stepped_.erase(task.id);
        measured_.erase(task.id);
        put({{"event", "ended"},
             {"task", task.id},
             {"ok", well},
             {"how", how},
             {"bytes", task.current},
             {"seconds", seconds_of(task)}});
    }
    void note(const std::string& text) override { put({{"event", "note"}, {"text", text}}); }
    void warn(const std::string& text) override { put({{"event", "warning"}, {"text", text}}); }

private:
    void put(const nlohmann::json& json) { say(fd_, io::json_text(json)); }
    int fd_;
    std::map<unsigned, std::chrono::steady_clock::time_point> told_;
    std::map<unsigned, std::chrono::steady_clock::time_point> stepped_;
    std::map<unsigned, std::chrono::steady_clock::time_point> measured_;
};

}  // namespace

std::string usage_of(const View::Task& task) {
    if (task.memory == 0) return {};
    return fmt::format("{} of memory, {:.1f} processors", human_bytes(task.memory), task.processors);
}

std::string amount_of(const View::Task& task) {
    const std::string rate = human_bytes(rate_of(task)) + "/s";
    if (task.total == 0) return fmt::format("{}, {}", human_bytes(task.current), rate);
    return fmt::format("{} of {}, {}", human_bytes(task.current), human_bytes(task.total), rate);
}

std::optional<double> seconds_left(const View::Task& task) {
    constexpr std::uint64_t least_steps = 5;
    const std::uint64_t steps = task.steps_done - std::min(task.steps_before, task.steps_done);
    if (task.steps_total == 0 || steps < least_steps) return std::nullopt;
    const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - task.steps_since).count();
    return took / static_cast<double>(steps) * static_cast<double>(task.steps_total - task.steps_done);
}

std::string steps_of(const View::Task& task) {
    if (task.steps_total == 0) return {};
    std::string out = fmt::format("{} of {} steps", task.steps_done, task.steps_total);
    const auto left = seconds_left(task);
    if (!left) return out;
    const auto minutes = [](double seconds) { return static_cast<std::uint64_t>(seconds / 60) + 1; };
    const auto text = [](std::uint64_t all) {
        return all < 60 ? fmt::format("{} min", all) : fmt::format("{}h {:02}m", all / 60, all % 60);
    };
    // Steps differ by a factor of hundreds; after a tenth of them the average settles.
    const bool is_young = task.steps_done - task.steps_before < task.steps_total / 10;
    const std::string low = text(minutes(*left * 0.7));
    const std::string high = text(minutes(*left * 1.5));
    return out + (is_young && low != high ? fmt::format(", {} to {} left", low, high)
                                          : fmt::format(", {} left", text(minutes(*left))));
}

std::unique_ptr<View> plain_view(int fd) { return std::make_unique<PlainView>(fd); }
std::unique_ptr<View> json_view(int fd) { return std::make_unique<JsonView>(fd); }
std::unique_ptr<View> quiet_view(int fd) { return std::make_unique<QuietView>(fd); }

std::unique_ptr<View> log_view(const std::filesystem::path& path) {
    std::error_code error;
    if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
    io::Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!file)
        throw Error(Fault::io, system_error("creating the log file " + path.string(), errno).message(),
                    "name another file with --log-file, or another folder with XDG_STATE_HOME");
    return std::make_unique<LogView>(std::move(file));
}

}  // namespace wasmx::cli
