// SPDX-License-Identifier: Apache-2.0
#include "build/steps.hpp"

#include <doctest/doctest.h>

#include "base/text.hpp"
#include "build/messages.hpp"
#include "support/recording.hpp"

using namespace wasmx;
using namespace wasmx::build;
using engine::BuildEvent;
using Lines = std::vector<std::string>;

namespace {

struct Scene {
    test::Recording progress;
    Steps steps{progress};

    void trace(const Message& message) { steps.take({BuildEvent::Kind::trace, message.bytes()}); }
    void text(const std::string& bytes) { steps.take({BuildEvent::Kind::text, bytes}); }
};

}  // namespace

TEST_SUITE_BEGIN("build");

TEST_CASE("BuildKit: announced, started, completed") {
    Scene scene;
    scene.trace(
        Message().step({.digest = "a", .name = "[1/2] FROM x"}).step({.digest = "b", .name = "[2/2] RUN make"}));
    CHECK(scene.progress.lines.empty());
    scene.trace(
        Message().step({.digest = "a", .name = "[1/2] FROM x", .started = true, .completed = true, .cached = true}));
    scene.trace(Message().step({.digest = "b", .name = "[2/2] RUN make", .started = true}));
    scene.trace(Message().step({.digest = "b", .name = "[2/2] RUN make", .started = true}));  // told again
    scene.trace(
        Message().log("b", "hel").log("b", "lo\n", 2).log("unknown", "x\n").warning("LegacyKeyValueFormat\x1b[31m"));
    scene.trace(Message().step({.digest = "b", .name = "[2/2] RUN make", .started = true, .completed = true}));
    scene.trace(Message().step({.digest = "b", .name = "[2/2] RUN make", .started = true, .completed = true}));
    scene.steps.take({BuildEvent::Kind::trace, "\xff\xff no message"});
    CHECK(scene.progress.lines == Lines{"+[1/2] FROM x", "[1/2] FROM x: cached", "+[2/2] RUN make",
                                        "[2/2] RUN make| hel", "[2/2] RUN make! lo\n", "warning LegacyKeyValueFormat",
                                        "[2/2] RUN make: done"});
    scene.steps.close("");
    CHECK(scene.progress.lines.size() == 7);
}

TEST_CASE("BuildKit: a step that starts once more, as an image does that is pulled, is shown once more") {
    Scene scene;
    const std::string name = "[1/2] FROM docker.io/library/busybox";
    scene.trace(Message().step({.digest = "a", .name = name, .started = true}));
    scene.trace(Message().step({.digest = "a", .name = name, .started = true, .completed = true}));
    scene.trace(Message().step({.digest = "a", .name = name, .started = true}));
    scene.trace(Message().step({.digest = "a", .name = name, .started = true, .completed = true}));
    CHECK(scene.progress.lines == Lines{"+" + name, name + ": done", "+" + name, name + ": done"});
}

TEST_CASE("BuildKit: the step to name is the one that failed, not those that were canceled with it") {
    Scene scene;
    scene.trace(Message()
                    .step({.digest = "z", .name = "[a 2/2] RUN fails", .started = true})
                    .step({.digest = "m", .name = "[b 2/2] RUN goes on", .started = true})
                    .log("z", "first\nlast words")
                    .log("m", "something else\n"));
    CHECK(scene.steps.failed_step() == "[b 2/2] RUN goes on");  // as long as none failed: the last one heard of
    scene.trace(Message().step(
        {.digest = "z", .name = "[a 2/2] RUN fails", .started = true, .completed = true, .error = "exit code: 37"}));
    scene.trace(Message().step({.digest = "m",
                                .name = "[b 2/2] RUN goes on",
                                .started = true,
                                .completed = true,
                                .error = "process: context canceled: context canceled"}));
    // One that fails afterwards is not the cause, whatever its digest.
    scene.trace(Message().step(
        {.digest = "a", .name = "exporting", .started = true, .completed = true, .error = "nothing to export"}));
    scene.steps.close("failed");
    CHECK(scene.steps.failed_step() == "[a 2/2] RUN fails");
    CHECK(scene.steps.last_lines() == Lines{"first", "last words"});
    CHECK(scene.progress.lines == Lines{"+[a 2/2] RUN fails", "+[b 2/2] RUN goes on",
                                        "[a 2/2] RUN fails| first\nlast words", "[b 2/2] RUN goes on| something else\n",
                                        "[a 2/2] RUN fails: FAILED failed", "[b 2/2] RUN goes on: FAILED canceled",
                                        "+exporting", "exporting: FAILED failed"});
}

TEST_CASE("BuildKit: a connection that breaks leaves the steps open; they end with it") {
    Scene scene;
    scene.trace(Message().step({.digest = "a", .name = "RUN one", .started = true}));
    scene.steps.close("interrupted");
    CHECK(scene.progress.lines.back() == "RUN one: FAILED interrupted");
    CHECK(scene.steps.failed_step() == "RUN one");
}

TEST_CASE("no step, no name") {
    Scene scene;
    CHECK(scene.steps.failed_step().empty());
    CHECK(scene.steps.last_lines().empty());
    scene.steps.close("failed");
}

TEST_CASE("classic: steps, their output, what the builder says of its own") {
    Scene scene;
    scene.text("Step 1/3 : FROM x");
    scene.text("\n");
    scene.text(" ---> 0f5b\n");
    scene.text("Step 2/3 : COPY source /wasmx\n ---> Using cache\n ---> 1f5b\n");
    scene.text("Step 3/3 : RUN make\n ---> Running in 3a1f\nout\n\x1b[91mto-stderr\n\x1b[0m");
    scene.text("10%\r99%\nStep 4: of a program's own\n");
    scene.text("Successfully installed pip\nlast words");
    scene.steps.close("failed");
    CHECK(scene.steps.failed_step() == "[3/3] RUN make");
    CHECK(scene.steps.last_lines() ==
          Lines{"out", "to-stderr", "99%", "Step 4: of a program's own", "Successfully installed pip", "last words"});
    CHECK(scene.progress.lines ==
          Lines{"+[1/3] FROM x", "[1/3] FROM x|  ---> 0f5b\n", "[1/3] FROM x: done", "+[2/3] COPY source /wasmx",
                "[2/3] COPY source /wasmx|  ---> Using cache\n", "[2/3] COPY source /wasmx: cached", "+[3/3] RUN make",
                "[3/3] RUN make|  ---> Running in 3a1f\n", "[3/3] RUN make| out\n",
                "[3/3] RUN make! \x1b[91mto-stderr\n", "[3/3] RUN make| \x1b[0m10%\r99%\n",
                "[3/3] RUN make| Step 4: of a program's own\n", "[3/3] RUN make| Successfully installed pip\n",
                "[3/3] RUN make| last words\n", "[3/3] RUN make: FAILED failed"});
}

TEST_CASE("classic and podman: what begins a step, and what only looks like it") {
    const std::pair<std::string, std::string> rows[] = {
        {"Step 2/4 : RUN x", "+[2/4] RUN x"},
        {"STEP 2/4: RUN x", "+[2/4] RUN x"},
        {"[1/2] STEP 2/4: RUN x", "+[2/4] RUN x"},
        {"Step 2/4 : ", "+[2/4] "},
        {"[1/2 STEP 2/4: x", ""},
        {"[1/2]STEP 2/4: x", ""},
        {"[/2] STEP 2/4: x", ""},
        {"Step 2/: x", ""},
        {"Step /4: x", ""},
        {"Step 2/4", ""},
        {"Step 2/4  : x", ""},
        {"step 2/4: x", ""},
        {" Step 2/4: x", ""},
        {"[", ""},
        {"[" + std::string(1'000'000, '1') + "/1] STEP", ""},
        {"STEP " + std::string(1'000'000, '1') + "/2: RUN x", "+[" + std::string(40, '1') + "] RUN x"},
    };
    for (const auto& [line, begun] : rows) {
        CAPTURE(clipped(line, 80));
        Scene scene;
        scene.text(line + "\n");
        CHECK((scene.progress.lines.empty() ? std::string() : scene.progress.lines.front()) == begun);
    }
}

TEST_CASE("classic: the end of a good build") {
    Scene scene;
    scene.text(
        "Sending build context\nStep 1/1 : RUN true\nRemoving intermediate container 3a1f\nSuccessfully built "
        "0f5b\nSuccessfully tagged x:1\n");
    scene.steps.close("");
    CHECK(scene.progress.lines.back() == "[1/1] RUN true: done");
    CHECK(scene.steps.last_lines().empty());
}

TEST_CASE("podman: its steps, with the stage before them where there are several; a step that claims the cache twice") {
    Scene scene;
    scene.text(
        "[1/2] STEP 1/2: FROM x AS b\n--> 0f5b\n[2/2] STEP 1/1: RUN make\n--> Using cache 1f5b\n--> Using cache "
        "1f5b\n--> 1f5b\nCOMMIT docker.io/x:1\n");
    scene.steps.close("");
    CHECK(scene.progress.lines == Lines{"+[1/2] FROM x AS b", "[1/2] FROM x AS b| --> 0f5b\n",
                                        "[1/2] FROM x AS b: done", "+[1/1] RUN make",
                                        "[1/1] RUN make| --> Using cache 1f5b\n", "[1/1] RUN make: cached"});
}

TEST_CASE("a line without an end is not held for ever") {
    Scene scene;
    scene.text("Step 1/1 : RUN yes\n");
    for (int i = 0; i < 100; ++i) scene.text(std::string(1024, 'y'));
    CHECK(scene.progress.lines.size() > 1);
}

TEST_CASE("names of steps are one line") {
    const std::pair<std::string, std::string> rows[] = {
        {"[2/3] COPY source /wasmx", "[2/3] COPY source /wasmx"},
        {"RUN make # all of it", "RUN make # all of it"},
        {"RUN a\nb\x1b[31m", "RUN a b"},
        {"RUN " + std::string(115, 'x') + "ä and more", "RUN " + std::string(115, 'x') + "…"},
        {"", ""},
    };
    for (const auto& [name, shown] : rows) {
        CAPTURE(name);
        CHECK(step_name(name) == shown);
    }
}

TEST_SUITE_END();
