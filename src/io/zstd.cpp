// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>

#include "base/error.hpp"
#include "io/blocks.hpp"

namespace wasmx::io {

namespace {

// A frame for each: libzstd's own threads make other bytes than it makes without them. Level 3 looks back 2 MiB.
constexpr std::size_t zstd_block = std::size_t{2} * 1024 * 1024;
// After how much input it is asked whether to stop: a whole block at a high level takes seconds.
constexpr std::size_t slice = std::size_t{256} * 1024;
// What a reader may be asked to keep, as a power of two: 128 MiB, which is what the zstd program grants as well.
constexpr int most_window = 27;

struct Free {
    void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
    void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
};

std::size_t checked(std::size_t result) {
    if (ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation) throw Error(Fault::io, "zstd: out of memory");
    if (ZSTD_isError(result) != 0) throw Error(Fault::bug, fmt::format("zstd: {}", ZSTD_getErrorName(result)));
    return result;
}

class ZstdPacker final : public Packer {
public:
    explicit ZstdPacker(int level) : context_(ZSTD_createCCtx()) {
        if (context_ == nullptr) throw Error(Fault::io, "zstd: out of memory");
        checked(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level));
        checked(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1));
    }

    std::size_t pack(std::span<const std::byte>, std::span<const std::byte> block, std::vector<std::byte>& room,
                     const std::stop_token& stop) override {
        room.resize(std::max(room.size(), ZSTD_compressBound(zstd_block)));
        checked(ZSTD_CCtx_reset(context_.get(), ZSTD_reset_session_only));
        checked(ZSTD_CCtx_setPledgedSrcSize(context_.get(), block.size()));
        ZSTD_outBuffer out{room.data(), room.size(), 0};
        std::size_t left = 1;
        for (std::size_t at = 0; left > 0 && !stop.stop_requested();) {
            const std::size_t count = std::min(slice, block.size() - at);
            ZSTD_inBuffer in{block.data() + at, count, 0};
            const bool last = at + count == block.size();
            left = checked(ZSTD_compressStream2(context_.get(), &out, &in, last ? ZSTD_e_end : ZSTD_e_continue));
            if (!last) left = 1;
            at += in.pos;
        }
        return out.pos;
    }

private:
    std::unique_ptr<ZSTD_CCtx, Free> context_;
};

class ZstdPacking final : public Packing {
public:
    explicit ZstdPacking(int level) : level_(level) {}
    std::size_t block_size() const override { return zstd_block; }
    std::size_t history_size() const override { return 0; }
    std::unique_ptr<Packer> packer() const override { return std::make_unique<ZstdPacker>(level_); }
    std::string start() override { return {}; }
    void pass(std::span<const std::byte>) override { empty_ = false; }
    std::string end() override {
        if (!empty_) return {};
        // No bytes at all would be no zstd: a frame of nothing.
        std::vector<std::byte> room;
        const std::size_t size = packer()->pack({}, {}, room, {});
        return std::string(text_of(std::span(room).first(size)));
    }

private:
    int level_;
    bool empty_ = true;
};

class UnzstdSource final : public Source {
public:
    explicit UnzstdSource(SourcePtr upstream)
        : upstream_(std::move(upstream)), input_(chunk_size), context_(ZSTD_createDCtx()) {
        if (context_ == nullptr) throw Error(Fault::io, "zstd: out of memory");
        checked(ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, most_window));
    }

    std::size_t read(std::span<std::byte> buffer) override {
        if (buffer.empty()) return 0;
        ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
        while (out.pos == 0) {
            if (in_.pos == in_.size && !upstream_ended_) fill();
            const bool starved = in_.pos == in_.size;
            if (starved && between_frames_) return 0;
            const std::size_t left = ZSTD_decompressStream(context_.get(), &out, &in_);
            check(left);
            between_frames_ = left == 0;
            if (starved && out.pos == 0 && !between_frames_)
                throw Error(Fault::integrity, "zstd: the stream ends too early");
        }
        return out.pos;
    }

private:
    void fill() {
        const std::size_t count = upstream_->read(input_);
        upstream_ended_ = count == 0;
        in_ = {input_.data(), count, 0};
    }

    static void check(std::size_t result) {
        if (ZSTD_isError(result) == 0) return;
        if (ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation) throw Error(Fault::io, "zstd: out of memory");
        throw Error(Fault::integrity, fmt::format("zstd: {}", ZSTD_getErrorName(result)));
    }

    SourcePtr upstream_;
    std::vector<std::byte> input_;
    std::unique_ptr<ZSTD_DCtx, Free> context_;
    ZSTD_inBuffer in_{nullptr, 0, 0};
    bool upstream_ended_ = false;
    bool between_frames_ = false;
};

}  // namespace

std::unique_ptr<Packing> zstd_packing(int level) { return std::make_unique<ZstdPacking>(level); }
SourcePtr unzstd(SourcePtr upstream) { return std::make_unique<UnzstdSource>(std::move(upstream)); }

}  // namespace wasmx::io
