// SPDX-License-Identifier: Apache-2.0
#include "io/blocks.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

#include "base/error.hpp"

namespace wasmx::io {

namespace {

struct Slot {
    std::vector<std::byte> input;  ///< history, then the block
    std::size_t history = 0;
    std::size_t size = 0;
    std::vector<std::byte> output;
    std::size_t packed = 0;
    std::exception_ptr error;
    bool done = false;  ///< guarded by the mutex, and everything else handed over with it
};

class PackedSource final : public Source {
public:
    PackedSource(SourcePtr upstream, std::unique_ptr<Packing> packing, unsigned workers)
        : upstream_(std::move(upstream)), packing_(std::move(packing)), most_workers_(workers > 1 ? workers : 0) {}

    std::size_t read(std::span<std::byte> buffer) override {
        // Going on would end a stream that is not whole as if it were.
        if (failed_) throw Error(Fault::bug, "a compressed stream was read on after it had failed");
        if (buffer.empty()) return 0;
        try {
            while (ready_.empty() && stage_ != Stage::over) advance();
        } catch (...) {
            failed_ = true;
            stop();
            throw;
        }
        const std::size_t count = std::min(buffer.size(), ready_.size());
        std::copy_n(ready_.begin(), count, buffer.begin());
        ready_ = ready_.subspan(count);
        return count;
    }

private:
    enum class Stage { start, blocks, end, over };

    void advance() {
        switch (stage_) {
            case Stage::start:
                text_ = packing_->start();
                ready_ = bytes_of(text_);
                stage_ = Stage::blocks;
                return;
            case Stage::blocks: next_block(); return;
            case Stage::end: stage_ = Stage::over; return;
            case Stage::over: return;
        }
    }

    void next_block() {
        if (front_is_read_) {
            free_.push_back(std::move(queue_.front()));
            queue_.pop_front();
            front_is_read_ = false;
        }
        // All workers have something to do before anything is waited for.
        while (!upstream_ended_ && queue_.size() < most_slots()) fill();
        if (queue_.empty()) {
            stop();
            text_ = packing_->end();
            ready_ = bytes_of(text_);
            stage_ = Stage::end;
            return;
        }
        Slot& front = *queue_.front();
        {
            std::unique_lock lock(mutex_);
            done_.wait(lock, [&] { return front.done; });
        }
        if (front.error) std::rethrow_exception(front.error);
        ready_ = std::span(front.output).first(front.packed);
        front_is_read_ = true;
    }

    // A block for each worker, one that waits for the first to be free, and one that is being read.
    std::size_t most_slots() const { return most_workers_ == 0 ? 1 : most_workers_ + 2; }

    // Always to the brim: equal bytes must not be compressed differently because they arrived in other pieces.
    void fill() {
        std::unique_ptr<Slot> slot;
        if (free_.empty()) {
            slot = std::make_unique<Slot>();
            slot->input.resize(packing_->history_size() + packing_->block_size());
        } else {
            slot = std::move(free_.back());
            free_.pop_back();
        }
        std::copy(tail_.begin(), tail_.end(), slot->input.begin());
        slot->history = tail_.size();
        slot->size = 0;
        slot->error = nullptr;
        slot->done = false;
        const auto room = std::span(slot->input).subspan(slot->history, packing_->block_size());
        while (slot->size < room.size() && !upstream_ended_) {
            const std::size_t count = upstream_->read(room.subspan(slot->size));
            slot->size += count;
            upstream_ended_ = count == 0;
        }
        if (slot->size == 0) return;
        const auto block = room.first(slot->size);
        packing_->pass(block);
        const auto tail = block.last(std::min(block.size(), packing_->history_size()));
        tail_.assign(tail.begin(), tail.end());
        submit(*slot);
        queue_.push_back(std::move(slot));
    }

    void submit(Slot& slot) {
        start_worker();
        if (most_workers_ == 0) {
            if (packer_ == nullptr) packer_ = packing_->packer();
            pack(*packer_, slot, {});
            slot.done = true;
            return;
        }
        {
            const std::lock_guard lock(mutex_);
            waiting_.push_back(&slot);
        }
        work_.notify_one();
    }

    // One with each block until there are enough: a small layer starts few.
    void start_worker() {
        if (workers_.size() >= most_workers_) return;
        try {
            workers_.emplace_back([this](const std::stop_token& over) { work(over); });
        } catch (const std::system_error&) {
            // A limit on threads: it goes on with those that there are, or without.
            most_workers_ = static_cast<unsigned>(workers_.size());
        }
    }

    void work(const std::stop_token& over) {
        std::unique_ptr<Packer> packer;
        while (true) {
            Slot* slot = nullptr;
            {
                std::unique_lock lock(mutex_);
                work_.wait(lock, over, [&] { return !waiting_.empty(); });
                if (over.stop_requested()) return;
                slot = waiting_.front();
                waiting_.pop_front();
            }
            try {
                if (packer == nullptr) packer = packing_->packer();
                pack(*packer, *slot, over);
            } catch (...) {
                slot->error = std::current_exception();
            }
            {
                const std::lock_guard lock(mutex_);
                slot->done = true;
            }
            done_.notify_one();
        }
    }

    static void pack(Packer& packer, Slot& slot, const std::stop_token& over) {
        const auto input = std::span<const std::byte>(slot.input);
        slot.packed = packer.pack(input.first(slot.history), input.subspan(slot.history, slot.size), slot.output, over);
    }

    void stop() {
        for (auto& worker : workers_) worker.request_stop();
        workers_.clear();
    }

    SourcePtr upstream_;
    std::unique_ptr<Packing> packing_;
    unsigned most_workers_;
    std::unique_ptr<Packer> packer_;
    Stage stage_ = Stage::start;
    bool upstream_ended_ = false;
    bool front_is_read_ = false;
    bool failed_ = false;
    std::string text_;
    std::span<const std::byte> ready_;
    std::vector<std::byte> tail_;
    std::deque<std::unique_ptr<Slot>> queue_;  ///< in the order of the input
    std::vector<std::unique_ptr<Slot>> free_;
    std::mutex mutex_;
    std::condition_variable_any work_;
    std::condition_variable done_;
    std::deque<Slot*> waiting_;  ///< guarded by the mutex
    // Last, so that they are gone before anything that they use. Asked one by one they would be waited for one by one.
    struct Workers : std::vector<std::jthread> {
        ~Workers() {
            for (auto& worker : *this) worker.request_stop();
        }
    } workers_;
};

}  // namespace

SourcePtr packed(SourcePtr upstream, std::unique_ptr<Packing> packing, unsigned workers) {
    return std::make_unique<PackedSource>(std::move(upstream), std::move(packing), workers);
}

}  // namespace wasmx::io
