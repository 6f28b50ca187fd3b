// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <stop_token>
#include <vector>

#include "io/file.hpp"

namespace wasmx::io {

struct ProcessCommand {
    std::vector<std::string> argv;  ///< argv[0] is looked up on PATH
    std::vector<std::string> env;   ///< over the inherited environment: NAME=value sets, NAME alone takes away
    /// What is inherited. `few`: what any program needs (PATH, HOME, TMPDIR, the locale), for one that is not the
    /// user's.
    enum class Environment { all, few };
    Environment inherited = Environment::all;
    std::string input;              ///< standard input; small
    std::chrono::seconds limit{0};  ///< 0: as long as it takes
};

struct ProcessResult {
    int exit_code = 0;  ///< 128 + signal when a signal ended it
    std::string out;
    std::string err;
};

/// Runs a program to its end. It gets no descriptor of ours but its three streams. A program that cannot be started is
/// Fault::not_found; out of time is Fault::unavailable; an exit code is a value.
ProcessResult run(const ProcessCommand& command, const std::stop_token& stop);

/// A program that is spoken to: requests go in, answers are read. Its standard error is ours to keep, up to a limit.
/// Ended (SIGTERM, then wait) with the object.
class Conversation {
public:
    Conversation(const ProcessCommand& command, std::stop_token stop);
    ~Conversation();
    void write(std::string_view text);
    std::size_t read(std::span<std::byte> buffer);
    /// Up to and without the next newline.
    std::string read_line();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace wasmx::io
