// SPDX-License-Identifier: Apache-2.0
#include "git/program.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "base/text.hpp"
#include "git/git.hpp"

namespace wasmx::git {

namespace {

// Taken out of the environment: what `git rev-parse --local-env-vars` lists, less the configuration, which is the
// user's.
const std::vector<std::string> local_variables{
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
    "GIT_ALLOW_PROTOCOL",  // goes before the protocol.*.allow that we set
};

bool is_between_urls(char c) noexcept { return c == ' ' || c == '\t' || c == '\'' || c == '"' || c == '<' || c == '>'; }

// Each word with a scheme as `printable_url` has it.
std::string without_credentials(std::string_view line) {
    std::string out;
    while (!line.empty()) {
        const auto end = static_cast<std::size_t>(
            std::find_if(line.begin(), line.end(), [](char c) { return is_between_urls(c); }) - line.begin());
        const std::string_view word = line.substr(0, end);
        out += word.find("://") == std::string_view::npos ? std::string(word) : printable_url(word);
        if (end < line.size()) out += line[end];
        line.remove_prefix(std::min(end + 1, line.size()));
    }
    return out;
}

/// What git says (in the C locale) of a failure that has a name.
struct Cause {
    std::string_view says;
    Fault fault;
    std::string_view hint;
};

constexpr std::string_view access_hint =
    "check the URL; for a private repository `git ls-remote URL` has to work first, without a question (a credential "
    "helper, or an ssh key in the agent)";
constexpr std::string_view url_hint = "check the URL";
constexpr std::string_view protocol_hint =
    "https, ssh, git and file URLs are allowed, also where a redirect or an insteadOf leads";
constexpr std::string_view trust_hint = "tell git that you trust it: git config --global --add safe.directory FOLDER";
constexpr std::string_view space_hint = "free some space (`df -h`) and run the same command again";
constexpr std::string_view network_hint = "check the network and run the same command again";

// No question, and an end: 15 s for a connection, and for a dead line, as with http, a minute (three signs of life that
// fail to come). (ssh_config, ConnectTimeout, ServerAliveCountMax)
constexpr std::string_view patient_ssh = "ssh -o BatchMode=yes -o ConnectTimeout=15 -o ServerAliveInterval=20";

// The first that fits; so what is special comes before what git adds to every failure ("Could not read from remote").
constexpr std::array causes{
    Cause{"not our ref", Fault::failed, ""},  // asked for an id that it does not have, before it hangs up
    Cause{"No space left on device", Fault::io, space_hint},
    Cause{"dubious ownership", Fault::denied, trust_hint},
    Cause{"could not read Username", Fault::denied, access_hint},
    Cause{"could not read Password", Fault::denied, access_hint},
    Cause{"Authentication failed", Fault::denied, access_hint},
    Cause{"Permission denied (", Fault::denied, access_hint},
    Cause{"returned error: 401", Fault::denied, access_hint},
    Cause{"returned error: 403", Fault::denied, access_hint},
    Cause{"Host key verification failed", Fault::denied, "check the host's key: ssh -T USER@HOST"},
    Cause{"epository not found", Fault::not_found, url_hint},
    Cause{"does not appear to be a git repository", Fault::not_found, url_hint},
    Cause{"does not exist", Fault::not_found, url_hint},
    Cause{"returned error: 404", Fault::not_found, url_hint},
    Cause{"' not allowed", Fault::denied, protocol_hint},
    Cause{"Could not resolve host", Fault::unavailable, network_hint},
    Cause{"unable to access", Fault::unavailable, network_hint},
    Cause{"unable to connect", Fault::unavailable, network_hint},
    Cause{"Could not read from remote", Fault::unavailable, network_hint},
    Cause{"early EOF", Fault::unavailable, network_hint},
    Cause{"unexpected disconnect", Fault::unavailable, network_hint},
    Cause{"hung up unexpectedly", Fault::unavailable, network_hint},
    Cause{"timed out", Fault::unavailable, network_hint},
};
constexpr Cause unknown_cause{"", Fault::failed, ""};

const Cause& cause_of(std::string_view said) {
    const auto found = std::find_if(causes.begin(), causes.end(), [said](const Cause& cause) {
        return said.find(cause.says) != std::string_view::npos;
    });
    return found == causes.end() ? unknown_cause : *found;
}

}  // namespace

io::ProcessCommand program(std::vector<std::string> arguments) {
    io::ProcessCommand command;
    command.argv = {"git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", "-c",
                    "maintenance.auto=false", "-c", "fetch.writeCommitGraph=false",
                    // No helper program (ext::), no http.
                    "-c", "protocol.allow=never", "-c", "protocol.https.allow=always", "-c",
                    "protocol.ssh.allow=always", "-c", "protocol.git.allow=always", "-c", "protocol.file.allow=always",
                    // Objects come as a whole pack or not at all, also when we are killed.
                    "-c", "fetch.unpackLimit=1",
                    // A transfer that crawls below 1 kB/s for a minute is dead. (The user's environment goes before.)
                    // Connecting is not counted; curl itself gives that up in five minutes.
                    "-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=60", "--no-pager", "--literal-pathspecs"};
    command.argv.insert(command.argv.end(), std::make_move_iterator(arguments.begin()),
                        std::make_move_iterator(arguments.end()));
    command.env = local_variables;
    // Replacements would show other bytes than those the commit's id stands for.
    command.env.insert(command.env.end(),
                       {"LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0", "GIT_NO_REPLACE_OBJECTS=1"});
    return command;
}

namespace {

io::ProcessResult run_command(const io::ProcessCommand& command, const std::stop_token& stop) {
    io::ProcessResult result;
    try {
        result = io::run(command, stop);
    } catch (const Error& error) {
        if (error.fault() != Fault::not_found) throw;
        throw Error(Fault::not_found, "git cannot be started: " + error.message(),
                    "install it: sudo apt-get install git");
    }
    // Ctrl-C reaches git as well as us, and may have reached it first.
    if (stop.stop_requested() || result.exit_code == 128 + SIGINT) throw_interrupted();
    return result;
}

// All three ways. (git, "GIT_SSH_COMMAND", "GIT_SSH"; git-config, "core.sshCommand")
bool has_ssh_of_the_user(std::vector<std::string> where, const std::stop_token& stop) {
    if (!environment("GIT_SSH_COMMAND").empty() || !environment("GIT_SSH").empty()) return true;
    where.insert(where.end(), {"config", "--get", "core.sshCommand"});
    return run(std::move(where), stop).exit_code == 0;
}

}  // namespace

io::ProcessResult run(std::vector<std::string> arguments, const std::stop_token& stop) {
    return run_command(program(std::move(arguments)), stop);
}

io::ProcessResult run_with_remote(const Remote& remote, std::vector<std::string> where,
                                  std::vector<std::string> arguments, const std::stop_token& stop, const Limit& limit) {
    const bool has_ssh = has_ssh_of_the_user(where, stop);
    where.insert(where.end(), remote.options.begin(), remote.options.end());
    where.insert(where.end(), std::make_move_iterator(arguments.begin()), std::make_move_iterator(arguments.end()));
    io::ProcessCommand command = program(std::move(where));
    command.env.insert(command.env.end(), remote.env.begin(), remote.env.end());
    if (!has_ssh) command.env.push_back(fmt::format("GIT_SSH_COMMAND={}", patient_ssh));
    command.limit = limit.time;
    try {
        return run_command(command, stop);
    } catch (const Error& error) {
        if (error.fault() != Fault::unavailable) throw;
        throw Error(error.fault(), fmt::format("{}: {}", limit.doing, error.message()), std::string(network_hint));
    }
}

std::vector<std::string> last_lines(std::string_view text, std::size_t count) {
    std::vector<std::string> lines;
    // A carriage return is where git draws its progress anew.
    std::string whole(text);
    std::replace(whole.begin(), whole.end(), '\r', '\n');
    for (const std::string_view line : split(whole, '\n'))
        if (const auto said = trim(line); !said.empty()) lines.push_back(printable(without_credentials(said)));
    if (lines.size() > count) lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(count));
    return lines;
}

Error failure(std::string_view doing, const io::ProcessResult& result) {
    const auto lines = last_lines(result.err, 8);
    const auto is_verdict = [](std::string_view line) {
        return line.starts_with("fatal: ") || line.starts_with("error: ");
    };
    const auto verdict = std::find_if(lines.begin(), lines.end(), is_verdict);
    const std::string words = verdict != lines.end() ? *verdict
                              : lines.empty()        ? fmt::format("git ended with exit code {}", result.exit_code)
                                                     : lines.back();
    const Cause& cause = cause_of(result.err);
    Error error(cause.fault, fmt::format("{}: {}", doing, words), std::string(cause.hint));
    if (lines.size() > 1) error.set_lines(lines);
    return error;
}

bool is_ref_name(std::string_view ref) noexcept {
    if (ref.empty() || ref.front() == '-' || ref.front() == '/' || ref.back() == '/' || ref.back() == '.') return false;
    const bool has_special = std::any_of(ref.begin(), ref.end(), [](char c) {
        return static_cast<unsigned char>(c) <= 0x20 ||
               std::string_view("~^:?*[\\\x7f").find(c) != std::string_view::npos;
    });
    return !has_special && ref != "@" && ref.find("..") == std::string_view::npos &&
           ref.find("@{") == std::string_view::npos;
}

}  // namespace wasmx::git
