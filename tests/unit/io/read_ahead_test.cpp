// SPDX-License-Identifier: Apache-2.0
#include "io/read_ahead.hpp"

#include <atomic>
#include <chrono>

#include "base/error.hpp"
#include "io/source_contract.hpp"
#include "support/error_of.hpp"

namespace wasmx::io {

namespace {

/// Says how many bytes were taken of it, and ends in an error if it is to.
class Upstream final : public Source {
public:
    explicit Upstream(std::uint64_t size, bool fails = false) : left_(size), fails_(fails) {}
    std::size_t read(std::span<std::byte> buffer) override {
        if (left_ == 0 && fails_) throw Error(Fault::unavailable, "it broke off");
        const auto count = static_cast<std::size_t>(std::min<std::uint64_t>({buffer.size(), left_, 1000}));
        std::fill_n(buffer.begin(), count, std::byte{'u'});
        left_ -= count;
        taken += count;
        return count;
    }

    std::atomic<std::uint64_t> taken = 0;

private:
    std::uint64_t left_;
    bool fails_;
};

/// What is read ahead of a text, as a stream that owns all of it.
class Ahead final : public Source {
public:
    Ahead(std::string text, std::size_t batch) : upstream_(from_string(std::move(text))), ahead_(*upstream_, batch) {}
    std::size_t read(std::span<std::byte> buffer) override { return ahead_.read(buffer); }

private:
    SourcePtr upstream_;
    ReadAhead ahead_;
};

}  // namespace

TEST_SUITE_BEGIN("io");

TEST_CASE("what is read ahead is the same bytes, whatever the batch") {
    std::string text;
    for (int i = 0; i < 300'000; ++i) text += static_cast<char>('a' + i % 23);
    for (const std::size_t batch : {std::size_t{1}, std::size_t{5000}, std::size_t{100'000}, std::size_t{1} << 20})
        source_contract([&] { return std::make_unique<Ahead>(text, batch); }, text);
}

TEST_CASE("no more is read ahead than two batches and a buffer") {
    constexpr std::size_t batch = 100'000;
    Upstream upstream(10'000'000);
    ReadAhead ahead(upstream, batch);
    std::vector<std::byte> buffer(10);
    CHECK(ahead.read(buffer) == 10);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (upstream.taken < 2 * batch && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    CHECK(upstream.taken >= 2 * batch);
    CHECK(upstream.taken <= 2 * (batch + chunk_size));
}

TEST_CASE("what went wrong upstream is thrown after what came before it, and again") {
    Upstream upstream(2500, true);
    ReadAhead ahead(upstream, 2000);
    std::vector<std::byte> buffer(10'000);
    std::size_t count = 0;
    const auto read_on = [&] {
        while (count < 5000) count += ahead.read(buffer);
    };
    CHECK(test::error_of(read_on).fault() == Fault::unavailable);
    CHECK(count == 2500);
    CHECK(test::error_of(read_on).fault() == Fault::unavailable);
}

TEST_SUITE_END();

}  // namespace wasmx::io
