// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <condition_variable>
#include <cwchar>
#include <thread>

#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/views.hpp"
#include "io/file.hpp"

namespace wasmx::cli {

namespace {

// Ten frames a second are 24 MB an hour, which matters over ssh.
constexpr auto frame_time = std::chrono::seconds(1);
constexpr std::size_t shown_tasks = 8;

// Cut where `width` columns are full. A line that wraps would be one more than we know of, and would stay when we
// redraw.
std::string fitted(const std::string& text, std::size_t width) {
    std::mbstate_t state{};
    std::size_t columns = 0;
    for (std::size_t i = 0; i < text.size();) {
        wchar_t c = 0;
        std::size_t size = std::mbrtowc(&c, text.data() + i, text.size() - i, &state);
        if (size > text.size()) {  // no character: the terminal shows something in its place
            state = {};
            size = 1;
            c = L'?';
        }
        columns += static_cast<std::size_t>(std::max(::wcwidth(c), 0));
        if (columns > width) return text.substr(0, i);
        i += std::max<std::size_t>(size, 1);
    }
    return text;
}

/// Keeps a region at the bottom of the terminal: the running tasks. Everything else is printed above and stays.
class TtyView final : public View {
public:
    TtyView(int fd, Colour colour)
        : fd_(fd), colour_(colour), clock_([this](const std::stop_token& stop) { tick(stop); }) {}
    ~TtyView() override {
        clock_.request_stop();
        clock_.join();
    }

    void started(const Task& task) override {
        const std::lock_guard lock(mutex_);
        running_.push_back(task);
        draw({});
    }
    void line(const Task& task, const std::string&, Progress::Stream) override { refresh(task); }
    void advanced(const Task& task) override { refresh(task); }
    void stepped(const Task& task) override { refresh(task); }
    void measured(const Task& task) override { refresh(task); }
    void ended(const Task& task, const std::string& how, bool well) override {
        const std::lock_guard lock(mutex_);
        std::erase_if(running_, [&](const Task& other) { return other.id == task.id; });
        const std::string mark = well ? painted("32", "✔") : painted("31", "✘");
        const std::size_t room = std::max<std::size_t>(extent().columns, 40) - 30;
        draw(fmt::format("{} {} {}", mark, fitted(task.name, room),
                         painted("2", fmt::format("{} {}", how, elapsed(task)))));
    }
    void note(const std::string& text) override {
        const std::lock_guard lock(mutex_);
        draw(text);
    }
    void warn(const std::string& text) override {
        const std::lock_guard lock(mutex_);
        draw(painted("33", "warning: ") + text);
    }
    void finish() override {
        const std::lock_guard lock(mutex_);
        running_.clear();
        draw({});
    }

private:
    void refresh(const Task& task) {
        const std::lock_guard lock(mutex_);
        for (Task& own : running_)
            if (own.id == task.id) own = task;
    }

    void tick(const std::stop_token& stop) {
        std::unique_lock lock(mutex_);
        while (!stop.stop_requested()) {
            wake_.wait_for(lock, stop, frame_time, [] { return false; });
            if (!stop.stop_requested() && !running_.empty()) draw({});
        }
    }

    std::string painted(std::string_view code, std::string_view text) const {
        return colour_ == Colour::yes ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
    }
    static std::string elapsed(const Task& task) {
        return human_seconds(std::chrono::duration<double>(std::chrono::steady_clock::now() - task.since).count());
    }
    struct Extent {
        std::size_t columns;
        std::size_t rows;
    };
    Extent extent() const {
        winsize size{};
        if (::ioctl(fd_, TIOCGWINSZ, &size) != 0) size = {};
        return {size.ws_col > 0 ? size.ws_col : 80U, size.ws_row > 0 ? size.ws_row : 24U};
    }

    void add_task(std::string& out, const Task& task, std::size_t columns, std::size_t rows) {
        std::string right = elapsed(task);
        if (const std::string steps = steps_of(task); !steps.empty()) right = fmt::format("{}  {}", steps, right);
        if (const std::string usage = usage_of(task); !usage.empty()) right = fmt::format("{}  {}", usage, right);
        if (task.current > 0) right = fmt::format("{}  {}", amount_of(task), right);
        const bool roomy = columns > right.size() + 14;
        const std::string name = fitted(task.name, roomy ? columns - right.size() - 4 : columns - 2);
        out += fmt::format("{} {}{}\n", painted("36", "●"), name, roomy ? "  " + painted("2", right) : "");
        const std::size_t shown = std::min(task.tail.size(), rows - 1);
        for (auto text = task.tail.end() - static_cast<std::ptrdiff_t>(shown); text != task.tail.end(); ++text)
            out += painted("2", fitted("  │ " + *text, columns)) + "\n";
        drawn_ += 1 + shown;
    }

    // One write for a whole frame, so that it does not flicker.
    void draw(const std::string& above) {
        std::string out;
        if (drawn_ > 0) out += fmt::format("\x1b[{}A\r\x1b[J", drawn_);
        drawn_ = 0;
        if (!above.empty()) out += above + "\n";
        // A region as high as the terminal could not be gone back over.
        const std::size_t columns = std::max<std::size_t>(extent().columns, 4) - 1;
        const std::size_t rows = std::max<std::size_t>(extent().rows, 2) - 1;
        const std::size_t shown = std::min({running_.size(), shown_tasks, rows});
        for (std::size_t i = 0; i < shown; ++i) add_task(out, running_[i], columns, rows / shown);
        if (out.empty()) return;
        try {
            io::write_all(fd_, io::bytes_of(out), "the terminal");
        } catch (const Error&) {  // it went away; the work goes on
        }
    }

    int fd_;
    Colour colour_;
    std::mutex mutex_;
    std::condition_variable_any wake_;
    std::vector<Task> running_;
    std::size_t drawn_ = 0;
    std::jthread clock_;
};

}  // namespace

std::unique_ptr<View> tty_view(int fd, Colour colour) { return std::make_unique<TtyView>(fd, colour); }

}  // namespace wasmx::cli
