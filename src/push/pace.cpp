// SPDX-License-Identifier: Apache-2.0
#include "push/pace.hpp"

namespace wasmx::push {

std::optional<Limits> limits_of(std::string_view registry) {
    // (docs.github.com, "Working with the Container registry", "Troubleshooting")
    if (registry == "ghcr.io") return Limits{.bytes = 10'000'000'000, .seconds = 600};
    return std::nullopt;
}

std::optional<double> Pace::overrun(std::uint64_t sent, std::uint64_t size, double seconds) {
    constexpr double judged_after = 20;
    if (!limits_ || told_ || sent == 0 || seconds < judged_after) return std::nullopt;
    const double expected = seconds * static_cast<double>(size) / static_cast<double>(sent);
    if (expected < limits_->seconds) return std::nullopt;
    told_ = true;
    return expected;
}

}  // namespace wasmx::push
