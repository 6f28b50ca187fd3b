// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/progress.hpp"

namespace wasmx::build {

/// The last lines of an output that arrives in pieces; a line over 1,000 characters is cut.
class Tail {
public:
    explicit Tail(std::size_t limit = 150) : limit_(limit) {}
    void add(std::string_view bytes);
    std::vector<std::string> lines() const;

private:
    std::size_t limit_;
    std::deque<std::string> lines_;
    std::string open_;
    bool returned_ = false;
};

/// What a build container writes: the phases of images/runtime.sh and what it built from, ninja's counter, the first
/// step that failed.
class ScriptOutput {
public:
    /// Bytes of one of the two streams, cut anywhere: a line of one may begin within a line of the other.
    void add(std::string_view bytes, Progress::Stream stream = Progress::Stream::out);

    const std::string& phase() const noexcept { return phase_; }  ///< "checking the container"; empty before the first
    bool is_done() const noexcept { return phase_ == "done"; }
    bool is_busy() const noexcept { return phase_ == "busy"; }
    const std::vector<std::string>& missing() const noexcept { return missing_; }
    const std::optional<std::uint64_t>& free_bytes() const noexcept { return free_bytes_; }
    bool has_oom_kills() const noexcept { return has_oom_kills_; }
    /// What the container says of the build ("compiler", "depot_tools"), and the script's own "settings", by name. Of
    /// one name the last one counts.
    const std::map<std::string, std::string>& facts() const noexcept { return facts_; }

    /// ninja's "[812/1993] CXX x.o".
    struct Count {
        std::uint64_t done = 0;
        std::uint64_t total = 0;
    };
    const std::optional<Count>& count() const noexcept { return count_; }

    /// The lines of the first failed step ("FAILED: x.o" of ninja, or a compiler's "error:"), else the last lines.
    std::vector<std::string> explaining_lines() const;

private:
    void take_line(const std::string& line);
    void take_mark(std::string_view mark);
    void take_fact(std::string_view fact);

    std::array<std::string, 2> open_;  ///< of each stream: the line that has not ended
    std::string phase_;
    std::vector<std::string> missing_;
    std::optional<std::uint64_t> free_bytes_;
    bool has_oom_kills_ = false;
    std::map<std::string, std::string> facts_;
    std::optional<Count> count_;
    Tail tail_{30};
    std::vector<std::string> failure_;
    enum class Failure { none, open, closed };
    Failure state_ = Failure::none;
    bool is_ninja_ = false;  ///< `failure_` begins with ninja's FAILED
};

}  // namespace wasmx::build
