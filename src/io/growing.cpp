// SPDX-License-Identifier: Apache-2.0
#include "io/growing.hpp"

#include <condition_variable>
#include <mutex>

#include "base/error.hpp"

namespace wasmx::io {

struct GrowingFile::State {
    enum class Phase { growing, whole, given_up };

    void change(std::uint64_t now, Phase to) {
        {
            const std::lock_guard lock(mutex);
            if (phase != Phase::growing) return;
            size = now;
            phase = to;
        }
        changed.notify_all();
    }

    /// Bytes that are there, more than `at` unless these are all.
    std::uint64_t wait_beyond(std::uint64_t at) {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return phase != Phase::growing || size > at; });
        if (phase == Phase::given_up) throw Error(Fault::interrupted, "what was being written was given up");
        return size;
    }

    std::mutex mutex;
    std::condition_variable changed;
    std::uint64_t size = 0;
    Phase phase = Phase::growing;
};

class GrowingFile::Reader final : public Source {
public:
    Reader(TempFile file, std::shared_ptr<State> state) : file_(std::move(file)), state_(std::move(state)) {}
    std::size_t read(std::span<std::byte> buffer) override {
        if (buffer.empty()) return 0;
        if (part_ == nullptr) part_ = next_part();
        if (part_ == nullptr) return 0;
        const std::size_t count = part_->read(buffer);
        at_ += count;
        if (count > 0) return count;
        part_.reset();
        return read(buffer);
    }

private:
    SourcePtr next_part() {
        const std::uint64_t size = state_->wait_beyond(at_);
        return size > at_ ? file_.part(at_, size - at_).open() : nullptr;
    }

    const TempFile file_;
    std::shared_ptr<State> state_;
    SourcePtr part_;
    std::uint64_t at_ = 0;
};

GrowingFile::GrowingFile(TempFile file) : file_(std::move(file)), state_(std::make_shared<State>()) {}

GrowingFile::~GrowingFile() { state_->change(0, State::Phase::given_up); }

void GrowingFile::write(std::span<const std::byte> bytes) {
    file_.write(bytes);
    state_->change(file_.size(), State::Phase::growing);
}

void GrowingFile::finish() { state_->change(file_.size(), State::Phase::whole); }

Body GrowingFile::body() const {
    return {.size = std::nullopt,
            .open = [file = file_, state = state_] { return std::make_unique<Reader>(file, state); }};
}

}  // namespace wasmx::io
