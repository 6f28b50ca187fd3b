// SPDX-License-Identifier: Apache-2.0
#include "io/blocks.hpp"

#include <atomic>
#include <chrono>
#include <thread>

#include "io/source_contract.hpp"
#include "support/error_of.hpp"

namespace wasmx::io {

TEST_SUITE_BEGIN("io");

namespace {

// What the packers of a test see of each other.
struct Seen {
    std::atomic<int> packers{0};
    std::atomic<int> packed{0};
    std::atomic<bool> waits{false};  ///< a packer does not come back until it is told to stop
};

// Gives "[history|block]", later blocks sooner than earlier ones.
class Bracketing final : public Packer {
public:
    explicit Bracketing(Seen& seen) : seen_(seen) { ++seen_.packers; }
    ~Bracketing() override { --seen_.packers; }
    std::size_t pack(std::span<const std::byte> history, std::span<const std::byte> block, std::vector<std::byte>& room,
                     const std::stop_token& stop) override {
        const std::string text(text_of(block));
        while (seen_.waits && !stop.stop_requested()) std::this_thread::yield();
        if (text == "bad!") throw Error(Fault::failed, "a packer failed");
        std::this_thread::sleep_for(std::chrono::milliseconds(text[0] % 3));
        const std::string out = "[" + std::string(text_of(history)) + "|" + text + "]";
        room.resize(std::max(room.size(), out.size()));
        std::copy_n(bytes_of(out).begin(), out.size(), room.begin());
        ++seen_.packed;
        return out.size();
    }

private:
    Seen& seen_;
};

class Brackets final : public Packing {
public:
    explicit Brackets(Seen& seen) : seen_(seen) {}
    std::size_t block_size() const override { return 4; }
    std::size_t history_size() const override { return 2; }
    std::unique_ptr<Packer> packer() const override { return std::make_unique<Bracketing>(seen_); }
    std::string start() override { return "<"; }
    void pass(std::span<const std::byte> block) override { passed_ += text_of(block); }
    std::string end() override { return passed_ + ">"; }

private:
    Seen& seen_;
    std::string passed_;
};

SourcePtr bracketed(SourcePtr upstream, Seen& seen, unsigned workers) {
    return packed(std::move(upstream), std::make_unique<Brackets>(seen), workers);
}

}  // namespace

TEST_CASE("blocks come in their order, each with what was before it") {
    Seen seen;
    for (const unsigned workers : {1U, 2U, 5U}) {
        CAPTURE(workers);
        source_contract([&] { return bracketed(from_string("abcdefghij"), seen, workers); },
                        "<[|abcd][cd|efgh][gh|ij]abcdefghij>");
        source_contract([&] { return bracketed(from_string(""), seen, workers); }, "<>");
        const std::string plain = sample(1000);
        const std::string expected = read_all(*bracketed(from_string(plain), seen, 1), 1 << 20);
        CHECK(read_all(*bracketed(from_string(plain), seen, workers), 1 << 20) == expected);
    }
    CHECK(seen.packers == 0);
}

TEST_CASE("no thread is left when the stream has ended") {
    Seen seen;
    const auto source = bracketed(from_string("abcd"), seen, 8);
    CHECK(read_all(*source, 100) == "<[|abcd]abcd>");
    CHECK(seen.packers == 0);
}

TEST_CASE("an error of a worker is the reader's") {
    for (const unsigned workers : {1U, 3U}) {
        Seen seen;
        const auto source = bracketed(from_string("abcdefghbad!" + std::string(100, 'x')), seen, workers);
        const Error error = test::error_of([&] { drain(*source); });
        CHECK(error.message() == "a packer failed");
        CHECK(test::error_of([&] { drain(*source); }).fault() == Fault::bug);
    }
}

TEST_CASE("an error from upstream stops the workers") {
    Seen seen;
    seen.waits = true;
    const auto source = bracketed(std::make_unique<FailingSource>("abcdefghijkl"), seen, 4);
    CHECK(test::error_of([&] { drain(*source); }).message() == "upstream failed");
    CHECK(seen.packers == 0);
}

TEST_CASE("upstream is not read further than there is room for") {
    Seen seen;
    std::uint64_t count = 0;
    const auto source =
        bracketed(counted(from_string(std::string(1000, 'x')), [&](std::uint64_t more) { count += more; }), seen, 2);
    std::vector<std::byte> buffer(2);
    CHECK(source->read(buffer) == 1);
    CHECK(source->read(buffer) == 2);
    CHECK(count == 4 * (2 + 2));
}

TEST_CASE("a stream that is left half read stops its workers at once") {
    Seen seen;
    {
        const auto source = bracketed(from_string(std::string(1000, 'x')), seen, 3);
        std::vector<std::byte> buffer(2);
        CHECK(source->read(buffer) == 1);
        CHECK(source->read(buffer) == 2);
        seen.waits = true;
    }
    CHECK(seen.packers == 0);
    CHECK(seen.packed < 20);
}

TEST_SUITE_END();

}  // namespace wasmx::io
