// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace wasmx::push {

/// What an upload to a registry may be.
struct Limits {
    std::uint64_t bytes = 0;  ///< of one layer
    double seconds = 0;       ///< of one upload
};
/// nullopt where none are known.
std::optional<Limits> limits_of(std::string_view registry);

/// Whether an upload will be through in time.
class Pace {
public:
    explicit Pace(std::optional<Limits> limits) : limits_(limits) {}
    /// Given how much was sent of how much, in so many seconds: how long all of it takes, when that is too long. Only
    /// the first time, and not before there is something to go by.
    std::optional<double> overrun(std::uint64_t sent, std::uint64_t size, double seconds);

private:
    std::optional<Limits> limits_;
    bool told_ = false;
};

}  // namespace wasmx::push
