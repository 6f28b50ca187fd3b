// SPDX-License-Identifier: Apache-2.0
#include "io/pace.hpp"

#include <fmt/format.h>

namespace wasmx::io {

void Pace::waited(Duration time) {
    total_ += time;
    idle_ += time;
    window_ += time;
}

std::string Pace::find_trouble(std::uint64_t moved, bool is_under_way) {
    if (total_limit_.count() > 0 && total_ >= total_limit_)
        return fmt::format("the answer is not complete after {} s", total_limit_.count());
    if (idle_limit_.count() == 0) return {};
    const bool is_repeated = moved < moved_;  // a body that is sent again
    if (moved != moved_) idle_ = Duration::zero();
    moved_ = moved;
    if (idle_ >= idle_limit_) return fmt::format("nothing moved for {} s", idle_limit_.count());
    if (!is_under_way || is_repeated) begin_window();
    if (window_ < idle_limit_) return {};
    const auto seconds = static_cast<std::uint64_t>(std::chrono::floor<std::chrono::seconds>(window_).count());
    if (moved - window_from_ < least_rate_ * seconds)
        return fmt::format("only {} bytes moved in {} s", moved - window_from_, seconds);
    begin_window();
    return {};
}

void Pace::begin_window() {
    window_ = Duration::zero();
    window_from_ = moved_;
}

}  // namespace wasmx::io
