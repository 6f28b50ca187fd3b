// SPDX-License-Identifier: Apache-2.0
#include "build/output.hpp"

#include <doctest/doctest.h>

#include "build/cause.hpp"
#include "images/data.hpp"

using namespace wasmx;
using namespace wasmx::build;
using Lines = std::vector<std::string>;

namespace {

ScriptOutput output_of(const std::string& text) {
    ScriptOutput out;
    for (const char c : text) out.add({&c, 1});
    return out;
}

bool has(const Evidence& evidence, const std::string& part) {
    return cause_of(evidence).find(part) != std::string::npos;
}
bool has(const Lines& lines, const std::string& part) { return cause_of(lines).find(part) != std::string::npos; }

}  // namespace

TEST_SUITE_BEGIN("build");

TEST_CASE("the tail keeps the last lines, as a terminal would show them") {
    Tail tail(3);
    tail.add("one\ntwo\n\nthr");
    tail.add("ee\nfour\n");
    CHECK(tail.lines() == Lines{"two", "three", "four"});
    Tail bars;
    bars.add("10%\r2");
    bars.add("0%\r");
    bars.add("30%");
    CHECK(bars.lines() == Lines{"30%"});
    bars.add("\r\nnext\r\n\r\rx\r\r\n");
    CHECK(bars.lines() == Lines{"30%", "next", "x"});
    Tail ends;
    ends.add("100%\r");
    CHECK(ends.lines() == Lines{"100%"});
    Tail wide;
    wide.add("\x1b[31m" + std::string(999, 'x') + "ä" + std::string(5000, 'y') + "\nend\x1b[0m");
    CHECK(wide.lines() == Lines{std::string(999, 'x'), "end"});
}

TEST_CASE("the phases, ninja's counter, what is missing, and the evidence after a failure") {
    CHECK(output_of("hello\n").phase().empty());
    const auto output = output_of(
        "==> checking the container\n==> missing: xz: it is run\n==> missing: a\x1b[1mb\n==> running "
        "util/runtimes/v8.sh\n"
        "[812/1993] CXX x.o\n[3/2] no\n[1/0] no\n[a/2] no\n[1]\n==> free: 100 KiB in /\n==> free: 7 KiB in /w\n==> "
        "free: x\n"
        "==> oom kills: 0 0\n");
    CHECK(output.phase() == "running util/runtimes/v8.sh");
    CHECK(output.missing() == Lines{"xz: it is run", "ab"});
    REQUIRE(output.count().has_value());
    CHECK(output.count()->done == 812);
    CHECK(output.count()->total == 1993);
    CHECK(output.free_bytes() == 7 * 1024);
    CHECK_FALSE(output.has_oom_kills());
    CHECK(output_of("==> oom kills: 0 1\n").has_oom_kills());
    CHECK(output_of("==> done\n").is_done());
    CHECK(output_of("==> busy\n").is_busy());
}

TEST_CASE("what was built from is no phase") {
    const auto output = output_of(
        "==> cloning V8 and depot_tools\n==> fact v8: 01ab\n==> fact compiler: g++ 12: Debian\n==> fact v8: "
        "\x1b[1m23cd \n"
        "==> fact none\n==> fact : nameless\n==> fact a:b\n");
    CHECK(output.phase() == "cloning V8 and depot_tools");
    CHECK(output.facts() == std::map<std::string, std::string>{{"compiler", "g++ 12: Debian"}, {"v8", "23cd"}});
    std::string many;
    for (int i = 0; i < 1000; ++i) many += "==> fact " + std::to_string(i) + ": x\n";
    CHECK(output_of(many + "==> fact 0: y\n").facts().size() == 100);
    CHECK(output_of(many + "==> fact 0: y\n").facts().at("0") == "y");
}

TEST_CASE("a line of one stream may begin within a line of the other") {
    ScriptOutput output;
    output.add("xxxx");
    output.add("g++: fatal error: Killed signal terminated program cc1plus\n==> oom", Progress::Stream::err);
    output.add("yyyy\n");
    output.add(" kills: 1\n", Progress::Stream::err);
    CHECK(output.has_oom_kills());
    CHECK(output.explaining_lines().front() == "g++: fatal error: Killed signal terminated program cc1plus");
}

TEST_CASE("the first failed step explains a failure, not the last lines") {
    std::string text = "x.c:1: error: a probe of configure\n";
    for (int i = 0; i < 20; ++i) text += "checking\n";
    text +=
        "[5/9] CXX a.o\nFAILED: a.o\ng++ -c a.cc\na.cc:1:1: error: no\n  1 | x\n[6/9] CXX b.o\nFAILED: b.o\nb.cc: "
        "error: no\n"
        "ninja: build stopped: subcommand failed.\n";
    for (int i = 0; i < 50; ++i) text += "later\n";
    CHECK(output_of(text).explaining_lines() == Lines{"FAILED: a.o", "g++ -c a.cc", "a.cc:1:1: error: no", "  1 | x"});
    CHECK(output_of("one\ntwo\n").explaining_lines() == Lines{"one", "two"});
    const auto make = output_of("cc x\nx.c:1: error: no\nmake: *** Error 1\n");
    CHECK(make.explaining_lines() == Lines{"x.c:1: error: no", "make: *** Error 1"});
    CHECK(output_of("FAILED: x\n" + std::string(300'000, 'y') + "\n").explaining_lines().size() == 2);
}

TEST_CASE("a cause is told by the evidence first, by words last") {
    const Lines killed{"g++: fatal error: Killed signal terminated program cc1plus", "ninja: build stopped"};
    CHECK(has(killed, "memory"));
    CHECK(has(Lines{"virtual memory exhausted: Cannot allocate memory"}, "memory"));
    CHECK(has(Lines{"ar: write: No space left on device"}, "docker system df"));
    CHECK(has(Lines{"ar: libwee8.a: Disk quota exceeded"}, "quota"));
    CHECK(has(Lines{"cc1plus: fatal error: x: Too many open files"}, "open files"));
    CHECK(has(Lines{"fork: retry: Resource temporarily unavailable"}, "limit of processes"));
    CHECK(has(Lines{"curl: (6) getaddrinfo() thread failed to start"}, "upgrade the engine"));
    CHECK(has(Lines{"curl: (6) Could not resolve host: storage.googleapis.com"}, "network"));
    CHECK(has(Lines{"fatal: unable to access: The requested URL returned error: 429"}, "limits"));
    CHECK(has(Lines{"exec /bin/sh: exec format error"}, "another kind of machine"));
    // The last sign is the nearest to the end.
    CHECK(has(Lines{"Could not resolve host: mirror", "No space left on device"}, "docker system df"));
    CHECK(cause_of(Lines{"error: expected ';'"}).empty());
    CHECK(cause_of(Lines{}).empty());
    CHECK(has(Evidence{.exit_code = 1, .oom_killed = true, .free_bytes = 0, .lines = {}}, "memory"));
    CHECK(has(Evidence{.exit_code = 1, .free_bytes = 4096, .lines = {"error: expected ';'"}}, "docker system df"));
    CHECK(has(Evidence{.exit_code = 137, .free_bytes = {}, .lines = {}}, "killed from outside"));
    CHECK(cause_of(Evidence{.exit_code = 2, .free_bytes = 1ULL << 40, .lines = {"error: expected ';'"}}).empty());
}

TEST_SUITE_END();
