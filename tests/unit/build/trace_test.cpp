// SPDX-License-Identifier: Apache-2.0
#include "build/trace.hpp"

#include <doctest/doctest.h>

#include <random>

#include "build/messages.hpp"

using namespace wasmx::build;

namespace {

std::string whole_message() {
    return Message()
        .step({.digest = "sha256:a", .name = "[1/2] FROM x", .started = true, .completed = true, .cached = true})
        .step({.digest = "sha256:b", .name = "[2/2] RUN make", .started = true, .error = "exit code: 2"})
        .status("sha256:b", "exporting layers")
        .log("sha256:b", std::string("\xff\0\r\n", 4), 2)
        .log("sha256:b", "out")
        .warning("ConsistentInstructionCasing")
        .bytes();
}

}  // namespace

TEST_SUITE_BEGIN("build");

TEST_CASE("a trace is read, fields that we do not know passed over") {
    const auto trace = Trace::parse(whole_message());
    REQUIRE(trace);
    REQUIRE(trace->vertexes.size() == 2);
    CHECK(trace->vertexes[0].digest == "sha256:a");
    CHECK(trace->vertexes[0].name == "[1/2] FROM x");
    CHECK(trace->vertexes[0].started);
    CHECK(trace->vertexes[0].completed);
    CHECK(trace->vertexes[0].cached);
    CHECK(trace->vertexes[0].error.empty());
    CHECK(trace->vertexes[1].started);
    CHECK_FALSE(trace->vertexes[1].completed);
    CHECK_FALSE(trace->vertexes[1].cached);
    CHECK(trace->vertexes[1].error == "exit code: 2");
    REQUIRE(trace->logs.size() == 2);
    CHECK(trace->logs[0].bytes == std::string("\xff\0\r\n", 4));
    CHECK(trace->logs[0].is_stderr);
    CHECK_FALSE(trace->logs[1].is_stderr);
    REQUIRE(trace->warnings.size() == 1);
    CHECK(trace->warnings[0].text == "ConsistentInstructionCasing");
}

TEST_CASE("nothing is a trace of nothing") {
    const auto trace = Trace::parse("");
    REQUIRE(trace);
    CHECK(trace->vertexes.empty());
}

TEST_CASE("a field of another type than ours is passed over") {
    std::string bytes;
    protozero::pbf_writer writer(bytes);
    writer.add_int64(1, 5);       // a vertex that is a number
    writer.add_fixed64(3, 7);     // a log that is one
    writer.add_string(900, "x");  // from the future
    std::string odd;
    protozero::pbf_writer vertex(odd);
    vertex.add_int64(1, 5);
    vertex.add_string(3, "name");
    vertex.add_string(4, "cached");
    vertex.add_int64(5, 0);
    writer.add_message(1, odd);
    const auto trace = Trace::parse(bytes);
    REQUIRE(trace);
    REQUIRE(trace->vertexes.size() == 1);
    CHECK(trace->vertexes[0].digest.empty());
    CHECK(trace->vertexes[0].name == "name");
    CHECK_FALSE(trace->vertexes[0].cached);
    CHECK(trace->logs.empty());
}

TEST_CASE("bytes that are no message never throw") {
    const std::string whole = whole_message();
    std::size_t unreadable = 0;
    for (std::size_t size = 0; size < whole.size(); ++size) unreadable += Trace::parse(whole.substr(0, size)) ? 0 : 1;
    CHECK(unreadable > whole.size() / 2);  // all but the cuts between two fields
    std::mt19937 random(4711);             // NOLINT(cert-msc51-cpp): the same bytes each time
    for (int round = 0; round < 20'000; ++round) {
        std::string bytes = round % 2 == 0 ? whole : std::string(random() % 64, '\0');
        if (round % 2 == 0) {
            for (int i = 0; i < 3; ++i) bytes[random() % bytes.size()] = static_cast<char>(random());
        } else {
            for (char& c : bytes) c = static_cast<char>(random());
        }
        CHECK_NOTHROW((void)Trace::parse(bytes));
    }
}

TEST_SUITE_END();
