// SPDX-License-Identifier: Apache-2.0
#include "cli/views.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <thread>

#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/signals.hpp"
#include "io/file.hpp"
#include "support/folder.hpp"

using namespace wasmx;
using namespace wasmx::cli;
using Lines = std::vector<std::string>;
using Stream = Progress::Stream;

namespace {

/// Runs `work` on a display over one view and returns what the view wrote into a file.
template <class Work>
std::string written_by(std::unique_ptr<View> (*make)(int), Work&& work) {
    const test::Folder folder;
    const auto path = folder.write("out", "");
    {
        const io::Fd fd(::open(path.c_str(), O_WRONLY | O_APPEND));
        Display display;
        display.add(make(fd.get()));
        work(display);
        display.finish();
    }
    return io::read_file(path);
}

void some_work(Display& display) {
    display.note("a note");
    display.warn("a warning");
    auto layer = display.task("layer \"one\"", 100);
    layer->advance(40);
    layer->log("bad \xff\xfe bytes \\ \"\n", Stream::err);
    layer->log("fine\n", Stream::out);
    layer->advance(60);
    layer->done("uploaded");
    display.task("step", 0)->failed("failed");
}

std::string without_times(std::string text) {
    std::string out;
    for (const char c : text)
        if (c < '0' || c > '9') out += c;
    return out;
}

std::unique_ptr<View> plain_terminal(int fd) { return tty_view(fd, Colour::no); }
std::unique_ptr<View> coloured_terminal(int fd) { return tty_view(fd, Colour::yes); }

/// A terminal as wide and high as wanted: it obeys what the view writes, so that what a person would see can be looked
/// at.
class Terminal {
public:
    Terminal(unsigned short columns, unsigned short rows) : columns_(columns), rows_(rows), lines_(1) {
        winsize size{};
        size.ws_col = columns;
        size.ws_row = rows;
        REQUIRE(::openpty(&ours_, &theirs_, nullptr, nullptr, &size) == 0);
        reader_ = std::thread([this] {
            char buffer[4096];
            for (ssize_t count = 0; (count = ::read(ours_, buffer, sizeof buffer)) > 0;)
                bytes_.append(buffer, static_cast<std::size_t>(count));
        });
    }
    ~Terminal() {
        hang_up();
        ::close(ours_);
    }
    int fd() const { return theirs_; }

    /// What stands on it, top to bottom, lines that scrolled away included; the view must be gone by now.
    Lines screen() {
        hang_up();
        for (std::size_t i = 0; i < bytes_.size(); ++i) obey(i);
        while (!lines_.empty() && lines_.back().empty()) lines_.pop_back();
        return lines_;
    }
    std::size_t wraps() const { return wraps_; }

private:
    void hang_up() {
        if (theirs_ >= 0) ::close(std::exchange(theirs_, -1));
        if (reader_.joinable()) reader_.join();
    }

    void obey(std::size_t& i) {
        const char c = bytes_[i];
        if (c == '\x1b') return obey_sequence(i);
        if (c == '\r') {
            column_ = 0;
        } else if (c == '\n') {
            down();
        } else {
            if (!is_inside_character(c) && column_++ == columns_) {
                ++wraps_;
                down();
                column_ = 1;
            }
            lines_[at_] += c;
        }
    }

    void obey_sequence(std::size_t& i) {
        const std::size_t end = bytes_.find_first_not_of("0123456789;", i + 2);
        REQUIRE(bytes_[i + 1] == '[');
        const std::string number = bytes_.substr(i + 2, end - i - 2);
        if (bytes_[end] == 'A') {
            // The cursor stops at the upper edge of what is visible.
            const std::size_t top = lines_.size() > rows_ ? lines_.size() - rows_ : 0;
            at_ = std::max(top, at_ - std::min(at_, std::stoul(number)));
        } else if (bytes_[end] == 'J') {
            REQUIRE(column_ == 0);
            lines_.resize(at_ + 1);
            lines_[at_].clear();
        } else {
            REQUIRE(bytes_[end] == 'm');
        }
        i = end;
    }

    void down() {
        if (++at_ == lines_.size()) lines_.emplace_back();
        column_ = 0;
    }

    std::size_t columns_;
    std::size_t rows_;
    int ours_ = -1;
    int theirs_ = -1;
    std::string bytes_;
    std::thread reader_;
    Lines lines_;
    std::size_t at_ = 0;
    std::size_t column_ = 0;
    std::size_t wraps_ = 0;
};

}  // namespace

TEST_SUITE_BEGIN("cli");

TEST_CASE("every task tells in JSON how far it is, whatever the others tell") {
    const std::string text = written_by(json_view, [](Display& display) {
        std::vector<std::unique_ptr<Progress::Task>> tasks;
        for (int i = 0; i < 3; ++i) tasks.push_back(display.task("t", 100));
        for (const auto& task : tasks) task->advance(10);
        for (const auto& task : tasks) task->advance(10);  // too soon to be told
        for (const auto& task : tasks) task->done("done");
    });
    std::map<int, int> told;
    for (const auto line : split(text, '\n')) {
        if (line.empty()) continue;
        const auto json = nlohmann::json::parse(line);
        if (json["event"] != "progress") continue;
        ++told[json["task"].get<int>()];
        CHECK(json["rate"].is_number_unsigned());
    }
    CHECK(told == std::map<int, int>{{1, 1}, {2, 1}, {3, 1}});
}

TEST_CASE("plain: lines that stay") {
    const std::string text = without_times(written_by(plain_view, some_work));
    CHECK(text ==
          "a note\nwarning: a warning\n# layer \"one\"\n# . bad \ufffd\ufffd bytes \\ \"\n# . fine\n# uploaded .s\n# "
          "step\n# ERROR: failed .s\n");
}

TEST_CASE("json: every line is an object, whatever the bytes were") {
    const std::string text = written_by(json_view, some_work);
    CHECK(text.back() == '\n');
    Lines events;
    for (const std::string_view line : split(std::string_view(text).substr(0, text.size() - 1), '\n')) {
        CAPTURE(line);
        const auto json = nlohmann::json::parse(line, nullptr, false);
        REQUIRE(json.is_object());
        events.push_back(json.at("event").get<std::string>());
        if (events.back() == "log" && json.at("stream") == "stderr")
            CHECK(json.at("text").get<std::string>().find("bytes \\ \"") != std::string::npos);
        if (events.back() == "started" && json.at("task") == 1) CHECK(json.at("total") == 100);
        if (events.back() == "ended" && json.at("task") == 1) {
            CHECK(json.at("ok") == true);
            CHECK(json.at("how") == "uploaded");
            CHECK(json.at("bytes") == 100);
        }
        if (events.back() == "ended" && json.at("task") == 2) CHECK(json.at("ok") == false);
    }
    CHECK(events == Lines{"note", "warning", "started", "progress", "log", "log", "ended", "started", "ended"});
}

TEST_CASE("quiet: only warnings") { CHECK(written_by(quiet_view, some_work) == "warning: a warning\n"); }

TEST_CASE("the log file has everything, each line with the time") {
    const test::Folder folder;
    const auto path = folder.path() / "new" / "folder" / "x.log";
    {
        Display display;
        display.add(log_view(path));
        some_work(display);
    }
    const std::string text = io::read_file(path);
    CHECK(without_times(text).starts_with("::Z a note\n::Z warning: a warning\n::Z # layer"));
    CHECK_THROWS_AS(log_view(folder.path()), Error);
}

TEST_CASE("a reader that went away does not stop the work") {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    ::close(ends[0]);
    for (const auto make : {plain_view, json_view, quiet_view, plain_terminal}) {
        Display display;
        display.add(make(ends[1]));
        CHECK_NOTHROW(some_work(display));
        CHECK_NOTHROW(display.finish());
    }
    ::close(ends[1]);
}

TEST_CASE("terminal: what is over stays, what was running leaves no line behind") {
    struct Row {
        unsigned short columns;
        unsigned short rows;
    };
    for (const Row row :
         {Row{80, 24}, Row{20, 24}, Row{200, 50}, Row{80, 5}, Row{38, 10}, Row{4, 3}, Row{1, 1}, Row{0, 0}}) {
        CAPTURE(row.columns);
        CAPTURE(row.rows);
        for (const auto make : {plain_terminal, coloured_terminal}) {
            Terminal terminal(row.columns == 0 ? 80 : row.columns, row.rows == 0 ? 24 : row.rows);
            {
                Display display;
                display.add(make(terminal.fd()));
                display.note("a note");
                std::vector<std::unique_ptr<Progress::Task>> tasks;
                for (int i = 0; i < 12; ++i) {
                    tasks.push_back(
                        display.task("task " + std::to_string(i) +
                                         " with a name that is longer than most terminals are wide, and goes on",
                                     1 << 30));
                    for (int line = 0; line < 9; ++line)
                        tasks.back()->log("line " + std::string(150, 'x') + "\n", Stream::out);
                    tasks.back()->advance(1'000'000'000);
                }
                for (auto& task : tasks) task->done("ok");
                display.finish();
            }
            const Lines screen = terminal.screen();
            if (row.columns < 20) continue;  // it must not crash there; nobody can read it
            CHECK(terminal.wraps() == 0);
            CHECK(screen.at(0) == "a note");
            CHECK(screen.size() == 13);
            for (std::size_t i = 1; i < screen.size(); ++i) {
                CAPTURE(screen[i]);
                CHECK(screen[i].starts_with("✔ task " + std::to_string(i - 1)));
            }
        }
    }
}

TEST_CASE("terminal: what still runs at the end is taken away") {
    Terminal terminal(80, 24);
    {
        Display display;
        display.add(plain_terminal(terminal.fd()));
        auto task = display.task("running", 0);
        task->log("\xe6\xbc\xa2\xe5\xad\x97\n", Stream::out);
        std::this_thread::sleep_for(std::chrono::milliseconds(1250));  // a frame or two
        display.finish();
    }
    for (const std::string& line : terminal.screen()) CHECK(line.find("● running") == std::string::npos);
}

TEST_CASE("terminal: wide characters count as two, and broken ones do not matter") {
    const std::string wide = "\xe6\xbc\xa2";  // one character, two columns
    std::string name;
    for (int i = 0; i < 60; ++i) name += wide;
    const std::string text = written_by(plain_terminal, [&](Display& display) {
        auto task = display.task(name + "\xff\xfe\xe6", 0);
        task->log(name + "\n\xff\xfe\xe6\n", Stream::out);
        std::this_thread::sleep_for(std::chrono::milliseconds(1250));
        task->failed("failed");
    });
    std::size_t shown = 0;
    for (std::size_t at = text.find("  │ ");
         (at = text.find(wide, at)) != std::string::npos && text.find('\n', at) == text.find('\n', text.find("  │ "));
         at += wide.size())
        ++shown;
    CHECK(shown == (79 - 4) / 2);
}

namespace {

// In a process of its own, since it changes what signals do; none of them is ignored there, as it would be when the
// tests run under nohup or in the background. 0: as `work` wants it.
template <class Work>
int outcome_of(Work&& work) {
    const pid_t child = ::fork();
    if (child == 0) {
        for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::signal(number, SIG_DFL);
        ::_exit(work() ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool comes_true(const std::function<bool()>& condition) {
    for (int i = 0; i < 100 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return condition();
}

}  // namespace

TEST_CASE("a signal asks to stop; the second one ends the process") {
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        CAPTURE(number);
        CHECK(outcome_of([&] {
                  const Signals signals;
                  if (signals.received() != 0 || signals.stop().stop_requested()) return false;
                  ::kill(::getpid(), number);
                  return comes_true([&] { return signals.stop().stop_requested(); }) && signals.received() == number;
              }) == 0);
    }
    CHECK(outcome_of([] {
              const Signals signals;
              ::kill(::getpid(), SIGINT);
              if (!comes_true([&] { return signals.received() != 0; })) return true;
              ::kill(::getpid(), SIGTERM);
              std::this_thread::sleep_for(std::chrono::seconds(5));
              return true;
          }) == 128 + SIGTERM);
}

TEST_CASE("a signal that is ignored, as under nohup, stays so") {
    CHECK(outcome_of([] {
              ::signal(SIGHUP, SIG_IGN);
              const Signals signals;
              ::kill(::getpid(), SIGHUP);
              std::this_thread::sleep_for(std::chrono::milliseconds(300));
              if (signals.received() != 0) return false;
              ::kill(::getpid(), SIGINT);
              return comes_true([&] { return signals.received() == SIGINT; });
          }) == 0);
}

TEST_SUITE_END();
