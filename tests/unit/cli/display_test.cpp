// SPDX-License-Identifier: Apache-2.0
#include "cli/display.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <thread>

using namespace wasmx;
using cli::Display;
using cli::View;
using Lines = std::vector<std::string>;
using Stream = Progress::Stream;

namespace {

struct Shown {
    Lines lines;
    std::uint64_t last_current = 0;
    std::vector<std::string> last_tail;
};

class RecordingView final : public View {
public:
    explicit RecordingView(Shown& shown) : shown_(shown) {}
    void started(const Task& task) override {
        shown_.lines.push_back(std::to_string(task.id) + " started " + task.name + " " + std::to_string(task.total));
    }
    void line(const Task& task, const std::string& text, Stream stream) override {
        shown_.lines.push_back(std::to_string(task.id) + (stream == Stream::err ? "! " : "| ") + text);
        shown_.last_tail = task.tail;
    }
    void advanced(const Task& task) override { shown_.last_current = task.current; }
    void ended(const Task& task, const std::string& how, bool well) override {
        shown_.lines.push_back(std::to_string(task.id) + (well ? " ok " : " BAD ") + how);
    }
    void note(const std::string& text) override { shown_.lines.push_back("note " + text); }
    void warn(const std::string& text) override { shown_.lines.push_back("warn " + text); }
    void finish() override { shown_.lines.push_back("finish"); }

private:
    Shown& shown_;
};

struct Scene {
    Shown shown;
    Display display;
    Scene() { display.add(std::make_unique<RecordingView>(shown)); }
};

}  // namespace

TEST_SUITE_BEGIN("cli");

TEST_CASE("a task is started, advances, is over once") {
    Scene scene;
    auto task = scene.display.task("pull\x1b[31ming", 10);
    task->advance(3);
    task->advance(4);
    CHECK(scene.shown.last_current == 7);
    task->done("up\nloaded");
    task->failed("too late");
    task.reset();
    scene.display.task("next", 0)->failed("no\x1b[1m");
    CHECK(scene.shown.lines == Lines{"1 started pulling 10", "1 ok up loaded", "2 started next 0", "2 BAD no"});
}

TEST_CASE("a task that goes away without a word did not end well") {
    Scene scene;
    scene.display.task("gone", 0).reset();
    CHECK(scene.shown.lines.back() == "1 BAD stopped");
}

TEST_CASE("lines are whole, wherever the output was cut") {
    const std::string output = "one\r\n\xc3\xa4 \xe2\x9c\x94\n\n10%\r20%\r\x1b[32mdone\x1b[0m\nlast";
    const Lines expected{"1 started x 0", "1| one",   "1| \xc3\xa4 \xe2\x9c\x94", "1| ", "1| done",
                         "1| last",       "1 ok done"};
    for (std::size_t cut = 1; cut <= output.size(); ++cut) {
        CAPTURE(cut);
        Scene scene;
        auto task = scene.display.task("x", 0);
        for (std::size_t at = 0; at < output.size(); at += cut)
            task->log(std::string_view(output).substr(at, cut), Stream::out);
        task->done("done");
        CHECK(scene.shown.lines == expected);
    }
}

TEST_CASE("standard output and standard error do not run into one line") {
    Scene scene;
    auto task = scene.display.task("x", 0);
    task->log("out ", Stream::out);
    task->log("err ", Stream::err);
    task->log("1\n", Stream::out);
    task->log("2\n", Stream::err);
    task->log("open", Stream::err);
    task->done("");
    CHECK(scene.shown.lines == Lines{"1 started x 0", "1| out 1", "1! err 2", "1! open", "1 ok "});
}

TEST_CASE("a line without an end is passed on in pieces, and the tail stays short") {
    Scene scene;
    auto task = scene.display.task("x", 0);
    for (int i = 0; i < 200; ++i) task->log(std::string(1024, 'x'), Stream::out);
    CHECK(scene.shown.lines.size() >= 4);
    for (int i = 0; i < 50; ++i) task->log(std::to_string(i) + "\n", Stream::out);
    CHECK(scene.shown.last_tail == std::vector<std::string>{"44", "45", "46", "47", "48", "49"});
}

TEST_CASE("notes and warnings are fit for a terminal; a view that comes later hears what comes later") {
    Scene scene;
    scene.display.note("a\x1b[2Jb");
    Shown late;
    scene.display.add(std::make_unique<RecordingView>(late));
    scene.display.warn("c\x07");
    scene.display.finish();
    CHECK(scene.shown.lines == Lines{"note ab", "warn c", "finish"});
    CHECK(late.lines == Lines{"warn c", "finish"});
}

TEST_CASE("from many threads") {
    Scene scene;
    {
        std::vector<std::jthread> workers;
        for (int worker = 0; worker < 4; ++worker)
            workers.emplace_back([&] {
                for (int round = 0; round < 50; ++round) {
                    auto task = scene.display.task("t", 1);
                    task->log("a line\n", Stream::out);
                    task->advance(1);
                    task->done("done");
                    scene.display.note("n");
                }
            });
    }
    CHECK(scene.shown.lines.size() == 4 * 50 * 4);
    CHECK(std::count_if(scene.shown.lines.begin(), scene.shown.lines.end(),
                        [](const std::string& line) { return line.starts_with("200 "); }) == 2);
}

TEST_SUITE_END();
