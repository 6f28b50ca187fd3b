// SPDX-License-Identifier: Apache-2.0
#include "build/steps.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.hpp"

namespace wasmx::build {

namespace {
constexpr std::size_t longest_name = 120;
constexpr std::size_t longest_open_line = std::size_t{64} * 1024;

// What the classic builder ("Step 2/4 : RUN …") or podman ("STEP 2/4: RUN …", with several stages "[1/2] STEP 2/4: …")
// says when a step begins, as BuildKit would name it; nullopt for any other line.
std::optional<std::string> step_begun(std::string_view line) {
    const auto skip = [&](std::string_view text) {
        const bool is_there = line.starts_with(text);
        if (is_there) line.remove_prefix(text.size());
        return is_there;
    };
    const auto skip_number = [&] {
        const auto end = std::min(line.find_first_not_of("0123456789"), line.size());
        line.remove_prefix(end);
        return end > 0;
    };
    const auto skip_fraction = [&] { return skip_number() && skip("/") && skip_number(); };
    if (skip("[") && !(skip_fraction() && skip("] "))) return std::nullopt;
    if (!skip("Step ") && !skip("STEP ")) return std::nullopt;
    const std::string_view number = line;
    if (!skip_fraction()) return std::nullopt;
    const auto length = number.size() - line.size();
    if (!skip(" : ") && !skip(": ")) return std::nullopt;
    return step_name(fmt::format("[{}] {}", clipped(number.substr(0, length), 40), line));
}

bool is_builders_own(std::string_view line) {
    for (const std::string_view start : {" ---> ", "--> ", "Removing intermediate container ", "Successfully built ",
                                         "Successfully tagged ", "COMMIT "})
        if (line.starts_with(start)) return true;
    return false;
}
}  // namespace

std::string step_name(std::string_view name) {
    std::string text(name);
    text = printable(text);
    return text.size() > longest_name ? std::string(clipped(text, longest_name)) + "…" : text;
}

void Steps::take(const engine::BuildEvent& event) {
    if (event.kind == engine::BuildEvent::Kind::text) return take_text(event.bytes);
    if (const auto trace = Trace::parse(event.bytes)) take_trace(*trace);
}

void Steps::take_trace(const Trace& trace) {
    for (const Vertex& vertex : trace.vertexes) take_vertex(vertex);
    for (const VertexLog& log : trace.logs) {
        const auto step = steps_.find(log.vertex);
        if (step == steps_.end()) continue;
        step->second.tail.add(log.bytes);
        last_ = log.vertex;
        if (step->second.task)
            step->second.task->log(log.bytes, log.is_stderr ? Progress::Stream::err : Progress::Stream::out);
    }
    for (const VertexWarning& warning : trace.warnings) progress_.warn(printable(warning.text));
}

void Steps::take_vertex(const Vertex& vertex) {
    Step& step = steps_[vertex.digest];
    if (step.name.empty()) step.name = step_name(vertex.name);
    // An image is started and completed when it is looked up, and once more when it is pulled.
    const bool fails = !vertex.error.empty();
    const bool ends = vertex.completed || fails;
    const bool begins = vertex.started && !ends;
    // One that was only running beside the failed one is not the one to name.
    const bool canceled = vertex.error.find("context canceled") != std::string::npos;
    if (fails && !canceled && !failed_) failed_ = vertex.digest;
    if (begins) last_ = vertex.digest;
    if (!step.task && (begins || (ends && !step.ended))) step.task = progress_.task(step.name, 0);
    step.ended = step.ended || ends;
    if (!step.task || !ends) return;
    if (fails) {
        step.task->failed(canceled ? "canceled" : "failed");
    } else {
        step.task->done(vertex.cached ? "cached" : "done");
    }
    step.task.reset();
}

void Steps::take_text(std::string_view text) {
    open_line_ += text;
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = open_line_.find('\n', begin)) != std::string::npos; begin = end + 1)
        take_line(open_line_.substr(begin, end - begin));
    open_line_.erase(0, begin);
    if (open_line_.size() > longest_open_line) take_line(std::exchange(open_line_, {}));
}

// A line begins a step, or else is the output of the one under way.
void Steps::take_line(const std::string& line) {
    Step& step = steps_[""];
    if (auto name = step_begun(line)) {
        if (step.task) step.task->done("done");
        step = Step{.name = std::move(*name), .task = nullptr, .tail = Tail()};
        step.task = progress_.task(step.name, 0);
        last_.clear();
        return;
    }
    if (!is_builders_own(line)) step.tail.add(line + "\n");
    if (!step.task) return;
    // The classic builder wraps what came from stderr in red.
    const bool is_error = line.find("\x1b[91m") != std::string::npos;
    step.task->log(line + "\n", is_error ? Progress::Stream::err : Progress::Stream::out);
    if (line.starts_with(" ---> Using cache") || line.starts_with("--> Using cache")) {
        step.task->done("cached");
        step.task.reset();
    }
}

void Steps::close(const std::string& why) {
    if (!open_line_.empty()) take_line(std::exchange(open_line_, {}));
    for (auto& [key, step] : steps_) {
        if (!step.task) continue;
        if (why.empty()) {
            step.task->done("done");
        } else {
            step.task->failed(why);
        }
        step.task.reset();
    }
}

const Steps::Step* Steps::blamed() const {
    const auto step = steps_.find(failed_.value_or(last_));
    return step == steps_.end() ? nullptr : &step->second;
}

std::string Steps::failed_step() const { return blamed() == nullptr ? std::string() : blamed()->name; }

std::vector<std::string> Steps::last_lines() const {
    return blamed() == nullptr ? std::vector<std::string>() : blamed()->tail.lines();
}

}  // namespace wasmx::build
