// SPDX-License-Identifier: Apache-2.0
#include "cli/signals.hpp"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

namespace wasmx::cli {

namespace {

// A blocked signal also arrives where it is ignored: what nohup, or a shell for what it runs in the background, has
// told us to ignore is not for us.
sigset_t awaited() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        struct sigaction before {};
        ::sigaction(number, nullptr, &before);
        if (before.sa_handler != SIG_IGN) sigaddset(&set, number);
    }
    return set;
}

}  // namespace

Signals::Signals() {
    const sigset_t set = awaited();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    ::signal(SIGPIPE, SIG_IGN);  // a reader that went away is an error of the write
    waiter_ = std::jthread([this, waited_for = set](const std::stop_token& over) {
        while (!over.stop_requested()) {
            const timespec tick{0, 100'000'000};
            const int number = ::sigtimedwait(&waited_for, nullptr, &tick);
            if (number <= 0) continue;
            if (received_ != 0) ::_exit(128 + number);
            received_ = number;
            stop_.request_stop();
        }
    });
}

Signals::~Signals() = default;

}  // namespace wasmx::cli
