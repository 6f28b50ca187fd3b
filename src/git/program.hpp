// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "io/process.hpp"

namespace wasmx::git {

/// How git is called everywhere: no prompt, no translation, no locks taken for reading, no variable of a surrounding
/// git (a hook's GIT_DIR), no hook and no background work.
io::ProcessCommand program(std::vector<std::string> arguments);

/// Runs it to its end, whatever its exit code. Throws Fault::not_found with what to install when there is no git, and
/// Fault::interrupted when git ended because of our own end.
io::ProcessResult run(std::vector<std::string> arguments, const std::stop_token& stop);

/// How long a git may take, and what it is doing then, for the error.
struct Limit {
    std::string_view doing;
    std::chrono::seconds time{0};  ///< 0: as long as it takes
};

/// A URL as git is given it: command lines can be read by every user of a machine, so user name and password come by
/// the environment, for that host alone.
struct Remote {
    std::string url;                   ///< without a secret
    std::vector<std::string> options;  ///< before the verb
    std::vector<std::string> env;
};
/// Throws Fault::usage for what git would take for an option, a remote helper or a protocol that is not allowed.
Remote remote_of(const std::string& url);

/// The same for one that speaks to a remote; `where` is what stands before the verb ("--git-dir=…"). An ssh of ours
/// asks nothing and gives up on a host that does not answer; one that the user has chosen is left alone. Out of time is
/// Fault::unavailable.
io::ProcessResult run_with_remote(const Remote& remote, std::vector<std::string> where,
                                  std::vector<std::string> arguments, const std::stop_token& stop,
                                  const Limit& limit = {});

/// The error for a git that failed: `doing` and what it said, without credentials; the fault and hint by what it said.
[[nodiscard]] Error failure(std::string_view doing, const io::ProcessResult& result);

/// The last `count` lines of what git said, without blank ones, control characters and user information in URLs.
std::vector<std::string> last_lines(std::string_view text, std::size_t count);

/// Whether a ref can be handed to git as the name of a branch, tag or commit, and can have no other meaning. (git
/// check-ref-format; gitrevisions)
bool is_ref_name(std::string_view ref) noexcept;

}  // namespace wasmx::git
