// SPDX-License-Identifier: Apache-2.0
#include "io/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/error.hpp"

extern char** environ;

namespace wasmx::io {

namespace {

struct Pipe {
    Fd read;
    Fd write;
};

Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw system_error("creating a pipe", errno);
    return {Fd(ends[0]), Fd(ends[1])};
}

std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> out;
    out.reserve(words.size() + 1);
    for (std::string& word : words) out.push_back(word.data());
    out.push_back(nullptr);
    return out;
}

bool is_needed_by_any(std::string_view name) {
    constexpr std::array<std::string_view, 9> names{"PATH",   "HOME", "USER", "LOGNAME", "SHELL",
                                                    "TMPDIR", "TZ",   "LANG", "TERM"};
    return std::find(names.begin(), names.end(), name) != names.end() || name.starts_with("LC_");
}

std::vector<std::string> merged_environment(const ProcessCommand& command) {
    const std::vector<std::string>& extra = command.env;
    std::vector<std::string> out;
    for (const std::string& own : extra)
        if (own.find('=') != std::string::npos) out.push_back(own);
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view inherited(*entry);
        const auto name = inherited.substr(0, inherited.find('='));
        const auto is_ours = [name](std::string_view own) { return own.substr(0, own.find('=')) == name; };
        if (command.inherited == ProcessCommand::Environment::few && !is_needed_by_any(name)) continue;
        if (std::none_of(extra.begin(), extra.end(), is_ours)) out.emplace_back(inherited);
    }
    return out;
}

/// A started program; killed and reaped with the object.
class Child {
public:
    Child(const ProcessCommand& command, int in, int out, int err) {
        std::vector<std::string> words = command.argv;
        std::vector<std::string> variables = merged_environment(command);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
        // Whatever is open here, by us or by a library, close-on-exec or not.
        posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
        // Our threads block the signals that `cli` waits for and ignore SIGPIPE; a child must not inherit that.
        posix_spawnattr_t attributes;
        posix_spawnattr_init(&attributes);
        sigset_t none;
        sigset_t defaults;
        sigemptyset(&none);
        sigemptyset(&defaults);
        sigaddset(&defaults, SIGPIPE);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &defaults);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        const int status = ::posix_spawnp(&pid_, words.front().c_str(), &actions, &attributes, pointers(words).data(),
                                          pointers(variables).data());
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&actions);
        if (status != 0)
            throw Error(Fault::not_found,
                        fmt::format("cannot start {}: {}", command.argv.front(), std::strerror(status)));
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        if (has_ended()) return;
        ::kill(pid_, SIGTERM);
        // Some ignore it, and then we would wait with them.
        for (int i = 0; i < 200 && !has_ended(); ++i) ::poll(nullptr, 0, 10);
        if (has_ended()) return;
        ::kill(pid_, SIGKILL);
        while (!has_ended()) ::poll(nullptr, 0, 10);
    }

    /// Does not wait.
    bool has_ended() {
        if (pid_ < 0) return true;
        int status = 0;
        const pid_t ended = ::waitpid(pid_, &status, WNOHANG);
        if (ended == 0 || (ended < 0 && errno == EINTR)) return false;
        pid_ = -1;
        exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        return true;
    }
    int exit_code() const { return exit_code_; }

private:
    pid_t pid_ = -1;
    int exit_code_ = 0;
};

// Appends what is there; false at the end.
bool take(const Fd& fd, std::string& text) {
    std::array<char, 65536> buffer;
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) return true;
    if (count <= 0) return false;
    text.append(buffer.data(), static_cast<std::size_t>(count));
    return true;
}

}  // namespace

ProcessResult run(const ProcessCommand& command, const std::stop_token& stop) {
    Pipe in = make_pipe();
    Pipe out = make_pipe();
    Pipe err = make_pipe();
    Child child(command, in.read.get(), out.write.get(), err.write.get());
    in.read.reset();
    out.write.reset();
    err.write.reset();
    // Inputs here are far below a pipe's buffer, so this does not block. A program that does not read is no error.
    if (!command.input.empty()) (void)!::write(in.write.get(), command.input.data(), command.input.size());
    in.write.reset();

    ProcessResult result;
    const auto started = std::chrono::steady_clock::now();
    bool ended = false;
    while (out.read || err.read || !ended) {
        if (stop.stop_requested()) throw_interrupted();
        if (command.limit.count() > 0 && std::chrono::steady_clock::now() - started > command.limit)
            throw Error(Fault::unavailable,
                        fmt::format("{} gave no answer in {} s", command.argv.front(), command.limit.count()));
        std::array<pollfd, 2> fds{{{out.read.get(), POLLIN, 0}, {err.read.get(), POLLIN, 0}}};
        ended = child.has_ended();
        const int patience = ended ? 0 : out.read || err.read ? 100 : 5;
        if (::poll(fds.data(), fds.size(), patience) <= 0) {
            // What it left behind, such as a keyring's agent, may hold the pipes open for ever.
            if (ended) break;
            continue;
        }
        if (fds[0].revents != 0 && !take(out.read, result.out)) out.read.reset();
        if (fds[1].revents != 0 && !take(err.read, result.err)) err.read.reset();
    }
    result.exit_code = child.exit_code();
    return result;
}

struct Conversation::State {
    State(const ProcessCommand& command, std::stop_token token)
        : stop(std::move(token)),
          in(make_pipe()),
          out(make_pipe()),
          quiet(::open("/dev/null", O_WRONLY | O_CLOEXEC)),
          child(command, in.read.get(), out.write.get(), quiet.get()),
          name(command.argv.front()) {
        in.read.reset();
        out.write.reset();
    }
    std::stop_token stop;
    Pipe in;
    Pipe out;
    Fd quiet;
    Child child;
    std::string name;
    std::string ahead;  // read beyond the last line
};

Conversation::Conversation(const ProcessCommand& command, std::stop_token stop)
    : state_(std::make_unique<State>(command, std::move(stop))) {}
Conversation::~Conversation() = default;

void Conversation::write(std::string_view text) { write_all(state_->in.write.get(), bytes_of(text), state_->name); }

std::size_t Conversation::read(std::span<std::byte> buffer) {
    if (!state_->ahead.empty()) {
        const std::size_t count = std::min(buffer.size(), state_->ahead.size());
        std::memcpy(buffer.data(), state_->ahead.data(), count);
        state_->ahead.erase(0, count);
        return count;
    }
    for (;;) {
        if (state_->stop.stop_requested()) throw_interrupted();
        pollfd fd{state_->out.read.get(), POLLIN, 0};
        if (::poll(&fd, 1, 100) <= 0) continue;
        const ssize_t count = ::read(state_->out.read.get(), buffer.data(), buffer.size());
        if (count >= 0) return static_cast<std::size_t>(count);
        if (errno != EINTR) throw system_error("reading from " + state_->name, errno);
    }
}

std::string Conversation::read_line() {
    std::string& ahead = state_->ahead;
    for (std::size_t searched = 0;;) {
        if (const auto end = ahead.find('\n', searched); end != std::string::npos) {
            std::string line = ahead.substr(0, end);
            ahead.erase(0, end + 1);
            return line;
        }
        searched = ahead.size();
        std::string held = std::move(ahead);
        ahead.clear();
        std::array<std::byte, 4096> buffer;
        const std::size_t count = read(buffer);
        if (count == 0) throw Error(Fault::io, state_->name + " ended unexpectedly");
        ahead = std::move(held);
        ahead += text_of(std::span(buffer).first(count));
    }
}

}  // namespace wasmx::io
