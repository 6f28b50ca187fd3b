// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdlib>
#include <ctime>

#include "base/text.hpp"
#include "doctor/doctor.hpp"

namespace wasmx::doctor {

// A virtual machine that was asleep goes on with the time of then; certificates, tokens and packages are only good at
// theirs.
void engine_clock(Scene& scene, Result& result) {
    constexpr std::int64_t most_seconds = 60;
    result.required = "within a minute of this machine's";
    result.where = "a container of the engine";
    (void)scene.info.need();
    const Measurement& measurement = scene.measurement();
    if (!measurement.found) throw Skip{"the engine's clock is not read: " + measurement.why_not};
    const std::int64_t ahead = measurement.found->clock - measurement.here;
    const std::int64_t off = std::abs(ahead);
    constexpr std::int64_t between = 2;  // the question and the answer
    result.observed = off <= between ? "as here"
                                     : fmt::format("{} {} this machine's", human_seconds(static_cast<double>(off)),
                                                   ahead > 0 ? "ahead of" : "behind");
    if (off <= most_seconds) return;
    result.verdict = Verdict::warn;
    result.hint =
        "set the clock of the machine whose is wrong: `timedatectl set-ntp true`; restart a desktop engine's virtual "
        "machine";
}

}  // namespace wasmx::doctor
