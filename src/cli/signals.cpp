// SPDX-License-Identifier: Apache-2.0
#include "cli/signals.hpp"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/error.hpp"

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

Signals::Signals() : over_(::eventfd(0, EFD_CLOEXEC)) {
    const sigset_t set = awaited();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    ::signal(SIGPIPE, SIG_IGN);  // a reader that went away is an error of the write
    arrivals_ = io::Fd(::signalfd(-1, &set, SFD_CLOEXEC));
    if (!over_ || !arrivals_) throw system_error("waiting for signals", errno);
    waiter_ = std::jthread([this] { wait(); });
}

Signals::~Signals() {
    const std::uint64_t one = 1;
    (void)!::write(over_.get(), &one, sizeof one);  // ends the wait at once: every command would else end a while later
}

void Signals::wait() {
    for (;;) {
        std::array<pollfd, 2> awaited{{{arrivals_.get(), POLLIN, 0}, {over_.get(), POLLIN, 0}}};
        if (::poll(awaited.data(), awaited.size(), -1) < 0 && errno != EINTR) return;
        if (awaited[1].revents != 0) return;
        signalfd_siginfo info{};
        if (awaited[0].revents == 0 || ::read(arrivals_.get(), &info, sizeof info) != sizeof info) continue;
        const int number = static_cast<int>(info.ssi_signo);
        if (received_ != 0) ::_exit(128 + number);
        received_ = number;
        stop_.request_stop();
    }
}

}  // namespace wasmx::cli
