// SPDX-License-Identifier: Apache-2.0
#include "cli/display.hpp"

#include <utility>

#include "base/text.hpp"

namespace wasmx::cli {

namespace {
constexpr std::size_t tail_lines = 6;
constexpr std::size_t longest_line = 64 * 1024;
}  // namespace

class Display::Handle final : public Progress::Task {
public:
    Handle(Display& display, View::Task task) : display_(display), task_(std::move(task)) {
        display_.each([&](View& view) { view.started(task_); });
    }
    ~Handle() override { end("stopped", false); }

    void advance(std::uint64_t bytes) override {
        const std::lock_guard lock(display_.mutex_);
        task_.current += bytes;
        for (auto& view : display_.views_) view->advanced(task_);
    }

    void log(std::string_view bytes, Stream stream) override {
        const std::lock_guard lock(display_.mutex_);
        for (const char c : bytes) {
            if (c == '\n' || open_.size() >= longest_line) flush(stream);
            if (c == '\n') continue;
            if (std::exchange(returned_, c == '\r') && c != '\r') open_.clear();  // a progress line writes over itself
            if (c != '\r') open_ += c;
        }
    }

    void done(std::string_view how) override { end(how, true); }
    void failed(std::string_view why) override { end(why, false); }

private:
    void flush(Stream stream) {
        returned_ = false;
        const std::string text = printable(std::exchange(open_, {}));
        task_.tail.push_back(text);
        if (task_.tail.size() > tail_lines) task_.tail.erase(task_.tail.begin());
        for (auto& view : display_.views_) view->line(task_, text, stream);
    }

    void end(std::string_view how, bool well) {
        const std::lock_guard lock(display_.mutex_);
        if (std::exchange(ended_, true)) return;
        if (!open_.empty()) flush(Stream::out);
        for (auto& view : display_.views_) view->ended(task_, std::string(how), well);
    }

    Display& display_;
    View::Task task_;
    std::string open_;
    bool returned_ = false;
    bool ended_ = false;
};

template <class Call>
void Display::each(Call&& call) {
    const std::lock_guard lock(mutex_);
    for (auto& view : views_) call(*view);
}

void Display::add(std::unique_ptr<View> view) {
    const std::lock_guard lock(mutex_);
    views_.push_back(std::move(view));
}

std::unique_ptr<Progress::Task> Display::task(std::string name, std::uint64_t total) {
    View::Task task;
    task.name = printable(name);
    task.total = total;
    task.since = std::chrono::steady_clock::now();
    {
        const std::lock_guard lock(mutex_);
        task.id = next_id_++;
    }
    return std::make_unique<Handle>(*this, std::move(task));
}

void Display::note(std::string_view line) {
    each([&](View& view) { view.note(std::string(line)); });
}

void Display::warn(std::string_view line) {
    each([&](View& view) { view.warn(std::string(line)); });
}

void Display::finish() {
    each([](View& view) { view.finish(); });
}

}  // namespace wasmx::cli
