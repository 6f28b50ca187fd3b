// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <stop_token>
#include <thread>

#include "io/file.hpp"

namespace wasmx::cli {

/// Turns SIGINT, SIGTERM and SIGHUP into a request to stop; the second one ends the process at once. Made before any
/// other thread, since it blocks these signals for all of them.
class Signals {
public:
    Signals();
    ~Signals();
    std::stop_token stop() const { return stop_.get_token(); }
    /// The signal that came, or 0.
    int received() const noexcept { return received_; }

private:
    void wait();

    std::stop_source stop_;
    std::atomic<int> received_ = 0;
    io::Fd arrivals_;
    io::Fd over_;
    std::jthread waiter_;  // last: it uses all of the above
};

}  // namespace wasmx::cli
