// SPDX-License-Identifier: Apache-2.0
#include "base/parallel.hpp"

#include <algorithm>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace wasmx {

void run_all(std::size_t count, unsigned limit, const std::function<void(std::size_t)>& work) {
    std::mutex mutex;
    std::size_t next = 0;
    std::exception_ptr first;
    const auto work_on = [&] {
        for (;;) {
            std::size_t mine = 0;
            {
                const std::lock_guard lock(mutex);
                if (first || next == count) return;
                mine = next++;
            }
            try {
                work(mine);
            } catch (...) {
                const std::lock_guard lock(mutex);
                if (!first) first = std::current_exception();
            }
        }
    };
    {
        std::vector<std::jthread> others;
        try {
            for (std::size_t i = 1; i < std::min<std::size_t>(count, limit); ++i) others.emplace_back(work_on);
        } catch (const std::system_error&) {  // a limit on threads: fewer do as well
        }
        work_on();
    }
    if (first) std::rethrow_exception(first);
}

}  // namespace wasmx
