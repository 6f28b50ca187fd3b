// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdlib>

#include "base/text.hpp"
#include "doctor/doctor.hpp"

namespace wasmx::doctor {

// Tokens and certificates are only good at their time.
void clock(Scene& scene, Result& result) {
    constexpr double most_seconds = 60;
    result.required = "within a minute of the registry's";
    const registry::Greeting& greeting = scene.greeting.need();
    result.where = fmt::format("Date of {}/v2/", greeting.origin);
    if (!greeting.clock_ahead) throw Skip{fmt::format("{} tells no Date", greeting.origin)};
    const double ahead = std::chrono::duration<double>(*greeting.clock_ahead).count();
    const double off = std::abs(ahead);
    // The Date has whole seconds.
    result.observed = off <= 1
                          ? "right to the second"
                          : fmt::format("{} {} the registry's", human_seconds(off), ahead > 0 ? "ahead of" : "behind");
    if (off <= most_seconds) return;
    result.verdict = Verdict::fail;
    result.hint = "set it: `timedatectl set-ntp true`, or on a virtual machine its host's clock";
}

}  // namespace wasmx::doctor
