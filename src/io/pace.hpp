// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace wasmx::io {

/// Judges whether the other side of a transfer keeps up, by the time that is spent waiting for it. The limits are those
/// of HttpRequest.
class Pace {
public:
    using Duration = std::chrono::steady_clock::duration;
    Pace(std::chrono::seconds idle_limit, std::uint64_t least_rate, std::chrono::seconds total_limit)
        : idle_limit_(idle_limit), least_rate_(least_rate), total_limit_(total_limit) {}

    void waited(Duration time);
    /// What is wrong, after `moved` bytes of bodies in all; empty while all is well. The rate is that of a body under
    /// way: a registry that stores what it got sends nothing for minutes.
    std::string find_trouble(std::uint64_t moved, bool is_under_way);

private:
    void begin_window();

    const std::chrono::seconds idle_limit_;
    const std::uint64_t least_rate_;
    const std::chrono::seconds total_limit_;
    Duration total_{0};
    Duration idle_{0};
    Duration window_{0};
    std::uint64_t moved_ = 0;
    std::uint64_t window_from_ = 0;
};

}  // namespace wasmx::io
