// SPDX-License-Identifier: Apache-2.0
#include "build/steps.hpp"

#include <array>
#include <utility>

#include "base/text.hpp"

namespace wasmx::build {

namespace {
constexpr std::size_t longest_line = 1000;
constexpr std::size_t longest_name = 120;
}  // namespace

std::string step_name(std::string_view name) {
    std::string text(name);
    // RUN ["/bin/bash", "-c", "# build and package the runtime\n…  →  RUN build and package the runtime
    if (const auto run = text.find("RUN "); run != std::string::npos) {
        if (const auto comment = text.find("# ", run); comment != std::string::npos && comment < run + 40) {
            auto end = std::min(text.find("\\n", comment), text.find('\n', comment));
            text = text.substr(0, run + 4) + text.substr(comment + 2, end == std::string::npos ? end : end - comment - 2);
        }
    }
    text = printable(text);
    if (text.size() > longest_name) text = text.substr(0, longest_name) + "…";
    return text;
}

std::string cause_of(const std::vector<std::string>& lines) {
    struct Sign {
        std::string_view text;
        std::string_view hint;
    };
    static constexpr std::string_view memory =
        "the machine ran out of memory: use one with more, or see that nothing else runs beside the build";
    static constexpr std::string_view disk = "the engine's disk is full: `docker system df` shows what takes it";
    static constexpr std::string_view network =
        "the build could not reach the network from inside the engine: try `docker run --rm BASE curl -I` with that URL; "
        "behind a proxy, set it in the engine's configuration";
    static constexpr std::array signs{
        Sign{"Killed signal terminated program", memory},
        Sign{"unable to execute command: Killed", memory},
        Sign{"cannot allocate memory", memory},
        Sign{"Cannot allocate memory", memory},
        Sign{"No space left on device", disk},
        Sign{"no space left on device", disk},
        Sign{"Could not resolve host", network},
        Sign{"Temporary failure in name resolution", network},
        Sign{"Failed to connect to", network},
        Sign{"Couldn't connect to server", network},
        Sign{"Connection refused", network},
        Sign{"Network is unreachable", network},
        Sign{"error: 429", "a server limits how often it is asked: wait some minutes and run the same command again"},
        Sign{"exec format error", "the image is for another kind of machine than the engine's"},
    };
    for (auto line = lines.rbegin(); line != lines.rend(); ++line)
        for (const Sign& sign : signs)
            if (line->find(sign.text) != std::string::npos) return std::string(sign.hint);
    return {};
}

void Tail::add(std::string_view bytes) {
    for (const char c : bytes) {
        if (c != '\n') {
            if (std::exchange(returned_, c == '\r') && c != '\r') open_.clear();  // a progress line writes over itself
            if (c != '\r' && open_.size() < longest_line) open_ += c;
            continue;
        }
        returned_ = false;
        if (!open_.empty()) lines_.push_back(printable(std::exchange(open_, {})));
        if (lines_.size() > limit_) lines_.pop_front();
    }
}

std::vector<std::string> Tail::lines() const {
    std::vector<std::string> out(lines_.begin(), lines_.end());
    if (!open_.empty()) out.push_back(printable(open_));
    return out;
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
        if (step->second.task) step->second.task->log(log.bytes, log.is_stderr ? Progress::Stream::err : Progress::Stream::out);
    }
    for (const VertexWarning& warning : trace.warnings) progress_.warn(printable(warning.text));
}

void Steps::take_vertex(const Vertex& vertex) {
    Step& step = steps_[vertex.digest];
    if (step.name.empty()) step.name = step_name(vertex.name);
    if (vertex.started && !step.task && !step.ended) {
        step.task = progress_.task(step.name, 0);
        last_ = vertex.digest;
    }
    if (!vertex.error.empty()) {
        // A step that only waited for the failed one is "canceled"; it is not the one to name.
        step.failed = vertex.error.find("context canceled") == std::string::npos;
        step.ended = true;
        if (step.task) step.task->failed(step.failed ? "failed" : "canceled");
        step.task.reset();
    } else if (vertex.completed && !step.ended) {
        step.ended = true;
        if (!step.task) step.task = progress_.task(step.name, 0);
        step.task->done(vertex.cached ? "cached" : "done");
        step.task.reset();
    }
}

void Steps::take_text(std::string_view text) {
    open_line_ += text;
    for (std::size_t end = 0; (end = open_line_.find('\n')) != std::string::npos;) {
        const std::string line = open_line_.substr(0, end);
        open_line_.erase(0, end + 1);
        take_line(line);
    }
}

// "Step 2/4 : RUN …" (docker), "STEP 2/4: RUN …" (podman) begin a step; what follows is its output.
void Steps::take_line(std::string_view line) {
    const bool docker_step = line.starts_with("Step ");
    if ((docker_step || line.starts_with("STEP ")) && line.find(':') != std::string_view::npos) {
        Step& step = steps_[""];
        if (step.task) step.task->done("done");
        const auto colon = line.find(':');
        const auto count = trim(line.substr(5, colon - 5));
        step = Step{.name = step_name("[" + std::string(count) + "] " + std::string(trim(line.substr(colon + 1)))),
                    .task = nullptr,
                    .tail = Tail()};
        step.task = progress_.task(step.name, 0);
        last_.clear();
        return;
    }
    const auto step = steps_.find("");
    if (step == steps_.end()) return;
    // The classic builder wraps what came from stderr in red.
    const bool is_error = line.find("\x1b[91m") != std::string_view::npos;
    const bool by_builder = line.starts_with(" ---> ") || line.starts_with("--> ") || line.starts_with("Removing intermediate container") ||
                            line.starts_with("Successfully ") || line.starts_with("COMMIT ");
    const std::string text = printable(line) + "\n";
    if (!by_builder) step->second.tail.add(text);
    if (step->second.task) step->second.task->log(text, is_error ? Progress::Stream::err : Progress::Stream::out);
    if (line == " ---> Using cache" || line.starts_with("--> Using cache")) {
        step->second.task->done("cached");
        step->second.task.reset();
    }
}

void Steps::close(const std::string& why) {
    for (auto& [key, step] : steps_) {
        if (!step.task) continue;
        if (why.empty()) {
            step.task->done("done");
        } else {
            step.failed = step.failed || key.empty();
            step.task->failed(why);
        }
        step.task.reset();
    }
}

std::string Steps::failed_step() const {
    for (const auto& [key, step] : steps_)
        if (step.failed) return step.name;
    const auto last = steps_.find(last_);
    return last == steps_.end() ? std::string() : last->second.name;
}

std::vector<std::string> Steps::last_lines() const {
    for (const auto& [key, step] : steps_)
        if (step.failed) return step.tail.lines();
    const auto last = steps_.find(last_);
    return last == steps_.end() ? std::vector<std::string>() : last->second.tail.lines();
}

}  // namespace wasmx::build
