// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/progress.hpp"

namespace wasmx::cli {

/// A way to show what is going on. Called under the display's lock, with whole lines.
class View {
public:
    struct Task {
        unsigned id = 0;
        std::string name;
        std::uint64_t total = 0;
        std::uint64_t current = 0;
        std::chrono::steady_clock::time_point since;
        std::vector<std::string> tail;  ///< its last few lines
        /// Steps as ninja counts them; no total: it has none. `steps_before` were done at `steps_since`.
        std::uint64_t steps_done = 0;
        std::uint64_t steps_total = 0;
        std::uint64_t steps_before = 0;
        std::chrono::steady_clock::time_point steps_since;
        std::uint64_t memory = 0;  ///< that it takes, in bytes; 0: not known, nor `processors`
        double processors = 0;
        std::uint64_t steps_mark = 0;  ///< what `steps_before` will be when the window has moved on
        std::chrono::steady_clock::time_point mark_since;
    };
    virtual ~View() = default;
    virtual void started(const Task& task) = 0;
    virtual void line(const Task& task, const std::string& text, Progress::Stream stream) = 0;
    virtual void advanced(const Task& task) = 0;
    virtual void stepped(const Task&) {}
    virtual void measured(const Task&) {}
    virtual void ended(const Task& task, const std::string& how, bool well) = 0;
    virtual void note(const std::string& text) = 0;
    virtual void warn(const std::string& text) = 0;
    /// Clears what is only there for the moment.
    virtual void finish() {}
};

/// The program's Progress: hands everything to its views.
class Display final : public Progress {
public:
    void add(std::unique_ptr<View> view);
    std::unique_ptr<Progress::Task> task(std::string name, std::uint64_t total) override;
    void note(std::string_view line) override;
    void warn(std::string_view line) override;
    void finish();

private:
    class Handle;
    template <class Call>
    void each(Call&& call);

    std::mutex mutex_;
    std::vector<std::unique_ptr<View>> views_;
    unsigned next_id_ = 1;
};

}  // namespace wasmx::cli
