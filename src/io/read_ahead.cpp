// SPDX-License-Identifier: Apache-2.0
#include "io/read_ahead.hpp"

#include <algorithm>

namespace wasmx::io {

ReadAhead::ReadAhead(Source& upstream, std::size_t batch) : upstream_(upstream), batch_(batch) {
    coming_.reserve(batch_ + chunk_size);
    here_.reserve(batch_ + chunk_size);
    filler_ = std::jthread([this] { fill(); });
}

ReadAhead::~ReadAhead() {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
    changed_.notify_all();
}

void ReadAhead::fill() {
    std::vector<std::byte> buffer(chunk_size);
    try {
        for (;;) {
            const std::size_t count = upstream_.read(buffer);
            std::unique_lock lock(mutex_);
            if (count == 0 || is_closed_) break;
            coming_.insert(coming_.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(count));
            if (coming_.size() < batch_) continue;
            changed_.notify_all();
            changed_.wait(lock, [&] { return coming_.size() < batch_ || is_closed_; });
        }
    } catch (...) {
        error_ = std::current_exception();
    }
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    changed_.notify_all();
}

std::size_t ReadAhead::read(std::span<std::byte> buffer) {
    if (at_ == here_.size()) {
        here_.clear();
        at_ = 0;
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return coming_.size() >= batch_ || is_over_; });
        std::swap(here_, coming_);
        changed_.notify_all();
        if (here_.empty() && error_) std::rethrow_exception(error_);
    }
    const std::size_t count = std::min(buffer.size(), here_.size() - at_);
    std::copy_n(here_.begin() + static_cast<std::ptrdiff_t>(at_), count, buffer.begin());
    at_ += count;
    return count;
}

}  // namespace wasmx::io
