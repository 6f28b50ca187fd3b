// SPDX-License-Identifier: Apache-2.0
#pragma once
// base: what every room stands on: errors, secrets, progress, text. It knows no third party but fmt and no room above.

#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.hpp"

namespace wasmx {

/// What kind of failure it is; decides the exit code (usage and config: 2, interrupted: 130 or 143, the rest: 1).
enum class Fault {
    usage,        ///< the command line is wrong
    config,       ///< a file or environment variable of the user's is wrong
    not_found,    ///< the thing asked for does not exist
    denied,       ///< credentials are missing, wrong or lack a right
    unavailable,  ///< a service did not answer, or answered that it cannot now
    integrity,    ///< bytes are not what their digest, size or contract says
    io,           ///< this machine: file system, process, memory
    failed,       ///< the work itself failed: a build step, a script
    interrupted,  ///< somebody asked us to stop
    bug,          ///< ours
};

/// The one exception of the program. `message` says what happened; frames, outermost first, say what was being done;
/// `hint` is the next step, in words a user can act on. Its texts are made `printable`, and
/// cut at 4,000 bytes, since most of them quote somebody.
class Error : public std::exception {
public:
    Error(Fault fault, std::string_view message, std::string_view hint = {})
        : fault_(fault), message_(shown(message)), hint_(shown(hint)) {}

    const char* what() const noexcept override { return message_.c_str(); }
    Fault fault() const noexcept { return fault_; }
    const std::string& message() const noexcept { return message_; }
    const std::string& hint() const noexcept { return hint_; }
    const std::vector<std::string>& frames() const noexcept { return frames_; }

    /// Names the work an error came out of; called from the inside out.
    void add_frame(std::string_view frame) { frames_.insert(frames_.begin(), shown(frame)); }
    /// The last lines that a failed program or build step said: shown above the message.
    void set_lines(const std::vector<std::string>& lines) {
        lines_.clear();
        for (const std::string& line : lines) lines_.push_back(shown(line));
    }
    const std::vector<std::string>& lines() const noexcept { return lines_; }

private:
    static std::string shown(std::string_view text);

    Fault fault_;
    std::string message_;
    std::string hint_;
    std::vector<std::string> frames_;
    std::vector<std::string> lines_;
};

/// Runs `work`; an Error that leaves it carries `frame` as one more line of context.
template <class Work>
decltype(auto) in_context(std::string_view frame, Work&& work) {
    try {
        return std::forward<Work>(work)();
    } catch (Error& error) {
        error.add_frame(frame);
        throw;
    }
}

/// An Error from errno: "opening /x: No such file or directory".
[[nodiscard]] Error system_error(std::string_view doing, int error_number);

/// Throws Fault::interrupted.
[[noreturn]] void throw_interrupted();

}  // namespace wasmx
