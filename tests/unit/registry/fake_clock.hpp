// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <vector>

#include "registry/clock.hpp"

namespace wasmx::registry {

/// Time that passes when somebody waits, and when a test says so.
class FakeClock final : public Clock {
public:
    TimePoint now() const override {
        const std::lock_guard lock(mutex_);
        return now_;
    }
    void wait(milliseconds duration, const std::stop_token&) override {
        const std::lock_guard lock(mutex_);
        now_ += duration;
        waits_.push_back(duration);
    }
    void advance(std::chrono::seconds duration) {
        const std::lock_guard lock(mutex_);
        now_ += duration;
    }
    std::vector<milliseconds> waits() const {
        const std::lock_guard lock(mutex_);
        return waits_;
    }

private:
    mutable std::mutex mutex_;
    TimePoint now_ = std::chrono::sys_days(std::chrono::year(2026) / 1 / 2) + std::chrono::hours(3);
    std::vector<milliseconds> waits_;
};

}  // namespace wasmx::registry
