// SPDX-License-Identifier: Apache-2.0
#include "build/watch.hpp"

#include <algorithm>
#include <mutex>
#include <thread>

#include "engine/scene.hpp"
#include "support/recording.hpp"

using namespace wasmx;
using namespace wasmx::build;
using namespace std::chrono_literals;

namespace {

// An engine with one container, which is silent for a while, says a line, and ends.
class SilentContainer {
public:
    explicit SilentContainer(std::chrono::milliseconds silence)
        : server_([this, silence](const test::Seen& seen) { return answer(seen, silence); },
                  folder_.path() / "engine.sock") {}

    engine::Engine engine() { return {http_, engine::Endpoint{folder_.path() / "engine.sock", "--host"}}; }

private:
    test::Reply answer(const test::Seen& seen, std::chrono::milliseconds silence) {
        const auto asks = [&](const char* what) { return seen.target.find(what) != std::string::npos; };
        if (asks("/_ping")) return engine::pong();
        if (asks("/stats"))
            return engine::json_reply(200, R"({"memory_stats":{"usage":3145728,"stats":{"inactive_file":1048576}},)"
                                           R"("cpu_stats":{"cpu_usage":{"total_usage":)" +
                                               std::to_string(++asked_ * 1'000'000'000) + "}}}");
        if (asks("/json"))
            return engine::json_reply(200, R"({"Id":"c1","Name":"/x","State":{"Status":"exited","ExitCode":0},)"
                                           R"("Config":{"Labels":{}}})");
        const std::string line = std::string{'\1', 0, 0, 0, 0, 0, 0, 2} + "a\n";
        return {.body = line, .pause = silence / static_cast<int>(line.size())};
    }

    test::Folder folder_;
    std::uint64_t asked_ = 0;
    test::HttpServer server_;
    io::HttpClient http_{std::stop_token(), "test"};
};

// Safe to be told by two threads.
class Told final : public Progress {
public:
    struct Row final : Task {
        explicit Row(Told& all) : all_(all) {}
        void advance(std::uint64_t) override {}
        void log(std::string_view, Stream) override {}
        void usage(std::uint64_t memory, double) override { all_.add("memory " + std::to_string(memory)); }
        void done(std::string_view how) override { all_.add(std::string(how)); }
        void failed(std::string_view why) override { all_.add(std::string(why)); }
        Told& all_;
    };
    std::unique_ptr<Task> task(std::string, std::uint64_t) override { return std::make_unique<Row>(*this); }
    void note(std::string_view line) override { add(std::string(line)); }
    void warn(std::string_view line) override { add(std::string(line)); }
    bool has(std::string_view begin) {
        const std::lock_guard lock(mutex_);
        return std::any_of(lines_.begin(), lines_.end(), [&](const auto& line) { return line.starts_with(begin); });
    }

private:
    void add(std::string line) {
        const std::lock_guard lock(mutex_);
        lines_.push_back(std::move(line));
    }
    std::mutex mutex_;
    std::vector<std::string> lines_;
};

}  // namespace

TEST_SUITE_BEGIN("build");

TEST_CASE("what a container takes is told, and that it is silent") {
    SilentContainer there(4s);
    engine::Engine engine = there.engine();
    engine::Containers containers(engine);
    ScriptOutput output;
    Told told;
    const auto state = watch(containers, "c1", {.title = "x", .limit = {}, .silence = 1s}, output, told);
    REQUIRE(state.has_value());
    CHECK(state->exit_code == 0);
    CHECK(told.has("memory 2097152"));
    CHECK(told.has("no output for 1."));
    CHECK(told.has("done"));
}

TEST_CASE("a watch that lasts too long ends") {
    SilentContainer there(30s);
    engine::Engine engine = there.engine();
    engine::Containers containers(engine);
    ScriptOutput output;
    Told told;
    const auto begin = std::chrono::steady_clock::now();
    CHECK_THROWS_AS(watch(containers, "c1", {.title = "x", .limit = 1s}, output, told), TimeIsUp);
    CHECK(std::chrono::steady_clock::now() - begin < 30s);
    CHECK(told.has("out of time"));
}

TEST_SUITE_END();
