// SPDX-License-Identifier: Apache-2.0
#include "io/compression.hpp"

#include <fmt/format.h>
#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <thread>

#include "base/error.hpp"
#include "io/blocks.hpp"

namespace wasmx::io {

namespace {

// The reader digests what comes out, on one processor: more workers than this only wait for it.
constexpr unsigned most_default_workers = 16;

// Tells what it is when it is first read, for that reads from upstream.
class DecompressedSource final : public Source {
public:
    DecompressedSource(SourcePtr upstream, std::uint64_t limit) : upstream_(std::move(upstream)), left_(limit) {}

    std::size_t read(std::span<std::byte> buffer) override {
        // What the libraries do after an error is not said.
        if (failed_) throw Error(Fault::bug, "a compressed stream was read on after it had failed");
        if (buffer.empty()) return 0;
        try {
            if (plain_ == nullptr) plain_ = open();
            const std::size_t count = plain_->read(buffer);
            if (count > left_) throw Error(Fault::integrity, "more comes out of the compressed bytes than is allowed");
            left_ -= count;
            return count;
        } catch (...) {
            failed_ = true;
            throw;
        }
    }

private:
    SourcePtr open() {
        std::array<std::byte, 4> head{};
        std::size_t filled = 0;
        while (filled < head.size()) {
            const std::size_t count = upstream_->read(std::span(head).subspan(filled));
            if (count == 0) break;
            filled += count;
        }
        std::string text(text_of(std::span(head).first(filled)));
        const bool is_gzip = text.starts_with("\x1f\x8b");  // RFC 1952, 2.3.1
        const bool is_zstd = text == "\x28\xb5\x2f\xfd" || is_skippable(text);
        auto whole = resumed(std::move(text), std::move(upstream_));
        if (is_gzip) return gunzipped(std::move(whole));
        if (is_zstd) return unzstd(std::move(whole));
        return whole;
    }

    // RFC 8878, 3.1.2: a frame to be passed over may come first.
    static bool is_skippable(std::string_view head) {
        return head.size() == 4 && (head[0] & '\xf0') == '\x50' && head.substr(1) == "\x2a\x4d\x18";
    }

    SourcePtr upstream_;
    SourcePtr plain_;
    std::uint64_t left_;
    bool failed_ = false;
};

class BorrowedSource final : public Source {
public:
    explicit BorrowedSource(Source& source) : source_(source) {}
    std::size_t read(std::span<std::byte> buffer) override { return source_.read(buffer); }

private:
    Source& source_;
};

}  // namespace

Levels levels_of(Compression::Kind kind) {
    // gzip's usual one makes 1.12 of the bytes of zlib's 6; 1 makes 1.14, 3 makes 1.11 and takes half as long again.
    if (kind == Compression::Kind::gzip) return {ISAL_DEF_MIN_LEVEL, ISAL_DEF_MAX_LEVEL, 2};
    return {1, ZSTD_maxCLevel(), 3};
}

unsigned default_workers() { return std::clamp(std::thread::hardware_concurrency(), 1U, most_default_workers); }

SourcePtr compressed(SourcePtr upstream, const Compression& compression, unsigned workers) {
    const bool is_gzip = compression.kind == Compression::Kind::gzip;
    const Levels levels = levels_of(compression.kind);
    const int level = compression.level.value_or(levels.usual);
    if (level < levels.lowest || level > levels.highest)
        throw Error(Fault::usage, fmt::format("{} has no compression level {}", is_gzip ? "gzip" : "zstd", level),
                    fmt::format("the levels are {} to {}", levels.lowest, levels.highest));
    return packed(std::move(upstream), is_gzip ? gzip_packing(level) : zstd_packing(level), workers);
}

SourcePtr decompressed(SourcePtr upstream, std::uint64_t limit) {
    return std::make_unique<DecompressedSource>(std::move(upstream), limit);
}

SourcePtr decompressed(Source& upstream, std::uint64_t limit) {
    return decompressed(std::make_unique<BorrowedSource>(upstream), limit);
}

}  // namespace wasmx::io
