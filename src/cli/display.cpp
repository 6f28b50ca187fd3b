// SPDX-License-Identifier: Apache-2.0
#include "cli/display.hpp"

#include <array>
#include <utility>

#include "base/text.hpp"

namespace wasmx::cli {

namespace {
constexpr std::size_t tail_lines = 6;
constexpr std::chrono::minutes rate_window{5};
constexpr std::size_t longest_line = std::size_t{64} * 1024;
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

    void steps(std::uint64_t done, std::uint64_t total) override {
        const std::lock_guard lock(display_.mutex_);
        const auto now = std::chrono::steady_clock::now();
        const bool begins_anew = total != task_.steps_total || done < task_.steps_done;
        // The last minutes tell how fast it goes: steps differ.
        if (begins_anew || now - task_.steps_since > rate_window) {
            task_.steps_before = begins_anew ? done : task_.steps_mark;
            task_.steps_since = begins_anew ? now : task_.mark_since;
            task_.steps_mark = done;
            task_.mark_since = now;
        }
        task_.steps_done = done;
        task_.steps_total = total;
        for (auto& view : display_.views_) view->stepped(task_);
    }

    void usage(std::uint64_t memory, double processors) override {
        const std::lock_guard lock(display_.mutex_);
        if (ended_) return;  // who measures is another thread than who works
        task_.memory = memory;
        task_.processors = processors;
        for (auto& view : display_.views_) view->measured(task_);
    }

    void log(std::string_view bytes, Stream stream) override {
        const std::lock_guard lock(display_.mutex_);
        Open& open = open_[index_of(stream)];
        for (const char c : bytes) {
            if (c == '\n' || open.text.size() >= longest_line) flush(stream);
            if (c == '\n') continue;
            if (std::exchange(open.returned, c == '\r') && c != '\r')
                open.text.clear();  // a progress line writes over itself
            if (c != '\r') open.text += c;
        }
    }

    void done(std::string_view how) override { end(how, true); }
    void failed(std::string_view why) override { end(why, false); }

private:
    // A line that has not ended yet; the two streams arrive in pieces, by turns.
    struct Open {
        std::string text;
        bool returned = false;
    };
    static std::size_t index_of(Stream stream) { return stream == Stream::out ? 0 : 1; }

    void flush(Stream stream) {
        const std::string text = printable(std::exchange(open_[index_of(stream)], {}).text);
        task_.tail.push_back(text);
        if (task_.tail.size() > tail_lines) task_.tail.erase(task_.tail.begin());
        for (auto& view : display_.views_) view->line(task_, text, stream);
    }

    void end(std::string_view how, bool well) {
        const std::lock_guard lock(display_.mutex_);
        if (std::exchange(ended_, true)) return;
        for (const Stream stream : {Stream::out, Stream::err})
            if (!open_[index_of(stream)].text.empty()) flush(stream);
        for (auto& view : display_.views_) view->ended(task_, printable(how), well);
    }

    Display& display_;
    View::Task task_;
    std::array<Open, 2> open_;
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
    each([&](View& view) { view.note(printable(line)); });
}

void Display::warn(std::string_view line) {
    each([&](View& view) { view.warn(printable(line)); });
}

void Display::finish() {
    each([](View& view) { view.finish(); });
}

}  // namespace wasmx::cli
