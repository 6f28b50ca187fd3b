// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.hpp"
#include "build/output.hpp"
#include "build/trace.hpp"
#include "engine/engine.hpp"

namespace wasmx::build {

/// A step's name for people: one line, a script inside shortened to its first comment.
std::string step_name(std::string_view name);

/// Turns what the engine tells during a build, by BuildKit's trace or the classic builder's text, into tasks; and keeps
/// what a failure will be explained with.
class Steps {
public:
    explicit Steps(Progress& progress) : progress_(progress) {}
    void take(const engine::BuildEvent& event);
    /// The steps that are still open did not end well.
    void close(const std::string& why);

    /// The step that failed, or else the one that was running last; empty when none was.
    std::string failed_step() const;
    std::vector<std::string> last_lines() const;

private:
    struct Step {
        std::string name;
        std::unique_ptr<Progress::Task> task;
        Tail tail;
        bool ended = false;
    };
    void take_trace(const Trace& trace);
    void take_vertex(const Vertex& vertex);
    void take_text(std::string_view text);
    void take_line(const std::string& line);
    const Step* blamed() const;

    Progress& progress_;
    std::map<std::string, Step> steps_;  // by vertex digest; "" is the classic builder's
    std::string last_;                   // key of the step that spoke last
    std::optional<std::string> failed_;  // key of the first one that failed
    std::string open_line_;
};

}  // namespace wasmx::build
