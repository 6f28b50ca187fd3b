// SPDX-License-Identifier: Apache-2.0
#include "io/process.hpp"

#include <fcntl.h>

#include <thread>

#include "io/source_contract.hpp"
#include "support/folder.hpp"

namespace wasmx::io {

TEST_SUITE_BEGIN("io");

namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::seconds;

ProcessCommand shell(const std::string& script) {
    ProcessCommand command;
    command.argv = {"sh", "-c", script};
    return command;
}

Fault fault_of(const ProcessCommand& command, const std::stop_token& stop = {}) {
    try {
        run(command, stop);
    } catch (const Error& error) {
        return error.fault();
    }
    return Fault::bug;
}

}  // namespace

TEST_CASE("a program's output, input and exit code") {
    auto command = shell("cat; echo err >&2; echo $WORD; exit 3");
    command.input = "in ";
    command.env = {"WORD=word"};
    const auto result = run(command, {});
    CHECK(result.out == "in word\n");
    CHECK(result.err == "err\n");
    CHECK(result.exit_code == 3);
    CHECK(run(shell("kill -9 $$"), {}).exit_code == 137);
    CHECK(run(shell("head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2"), {}).out.size() == 300000);
    CHECK(run(shell("exec >&- 2>&-; sleep 0.2; exit 4"), {}).exit_code == 4);
}

TEST_CASE("a program that does not read its input is no error") {
    auto command = shell("exit 0");
    command.input = "in";
    CHECK(run(command, {}).exit_code == 0);
}

TEST_CASE("a program that is not there") {
    ProcessCommand command;
    command.argv = {"wasmx-no-such-program"};
    CHECK(fault_of(command) == Fault::not_found);
}

TEST_CASE("time runs out, and a stop is a stop, even for the stubborn") {
    auto command = shell("trap '' TERM; sleep 30 & wait; sleep 30");
    command.limit = seconds(1);
    const auto began = Steady::now();
    CHECK(fault_of(command) == Fault::unavailable);
    CHECK(Steady::now() - began < seconds(15));

    std::stop_source stop;
    std::jthread stopper([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        stop.request_stop();
    });
    CHECK(fault_of(shell("sleep 30"), stop.get_token()) == Fault::interrupted);
}

TEST_CASE("what a program leaves behind is not waited for") {
    const auto began = Steady::now();
    CHECK(run(shell("sleep 20 & echo done"), {}).out == "done\n");
    CHECK(Steady::now() - began < seconds(10));
}

TEST_CASE("a program gets no descriptor of ours, close-on-exec or not") {
    const Fd secret(::open("/etc/hostname", O_RDONLY));  // without O_CLOEXEC, as a library may open one
    REQUIRE(secret);
    CHECK(run(shell("ls /proc/self/fd | wc -l"), {}).out == "4\n");  // three streams, and the folder that ls reads
}

TEST_CASE("a program that is not the user's gets few variables") {
    const test::Variable token("GITHUB_TOKEN", "s3cret");
    const test::Variable locale("LC_MESSAGES", "C");
    auto command = shell("echo \"$GITHUB_TOKEN|$LC_MESSAGES|${PATH:+path}|$OWN\"");
    command.env = {"OWN=own"};
    CHECK(run(command, {}).out == "s3cret|C|path|own\n");
    command.inherited = ProcessCommand::Environment::few;
    CHECK(run(command, {}).out == "|C|path|own\n");
}

TEST_SUITE_END();

}  // namespace wasmx::io
