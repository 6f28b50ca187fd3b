// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "io/stream.hpp"

namespace wasmx::io {

/// Reads another source in a thread of its own, and gives out what came only when there is a `batch` of it, or when
/// that is all: for whom it costs more to be woken often than to have it late. It holds two batches at most.
class ReadAhead final : public Source {
public:
    /// `upstream` outlives it, and is not read by anybody else meanwhile.
    ReadAhead(Source& upstream, std::size_t batch);
    /// Waits until a read that is under way is through.
    ~ReadAhead() override;
    /// Throws what upstream threw, after what came before that.
    std::size_t read(std::span<std::byte> buffer) override;

private:
    void fill();

    Source& upstream_;
    const std::size_t batch_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::byte> coming_;
    std::exception_ptr error_;
    bool is_over_ = false;         // nothing comes any more
    bool is_closed_ = false;       // nothing is wanted any more
    std::vector<std::byte> here_;  // of whoever reads
    std::size_t at_ = 0;
    std::jthread filler_;
};

}  // namespace wasmx::io
