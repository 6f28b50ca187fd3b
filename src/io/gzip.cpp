// SPDX-License-Identifier: Apache-2.0
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <array>

#include "base/error.hpp"
#include "io/blocks.hpp"

namespace wasmx::io {

namespace {

// Small enough for the second-level cache and for all workers to have some of a small layer; larger gains nothing.
constexpr std::size_t gzip_block = std::size_t{512} * 1024;

// With more room for tokens a deflate block is longer, and its one Huffman code fits it less.
constexpr std::array<std::uint32_t, 4> scratch_sizes = {ISAL_DEF_LVL0_MEDIUM, ISAL_DEF_LVL1_MEDIUM,
                                                        ISAL_DEF_LVL2_MEDIUM, ISAL_DEF_LVL3_MEDIUM};

std::uint8_t* input_of(std::span<const std::byte> bytes) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(bytes.data()));  // ISA-L only reads it
}

class GzipPacker final : public Packer {
public:
    explicit GzipPacker(int level) : level_(level), scratch_(scratch_sizes.at(static_cast<std::size_t>(level))) {}

    std::size_t pack(std::span<const std::byte> history, std::span<const std::byte> block, std::vector<std::byte>& room,
                     const std::stop_token&) override {
        isal_deflate_init(&stream_);
        stream_.level = static_cast<std::uint32_t>(level_);
        stream_.level_buf = scratch_.data();
        stream_.level_buf_size = static_cast<std::uint32_t>(scratch_.size());
        stream_.gzip_flag = IGZIP_DEFLATE;
        // Ends on a whole byte (RFC 1951, 3.2.4: an empty stored block), where the next may follow.
        stream_.flush = SYNC_FLUSH;
        stream_.end_of_stream = 0;
        if (!history.empty() &&
            isal_deflate_set_dict(&stream_, input_of(history), static_cast<std::uint32_t>(history.size())) != COMP_OK)
            throw Error(Fault::bug, "ISA-L did not take the bytes before a block");
        stream_.next_in = input_of(block);
        stream_.avail_in = static_cast<std::uint32_t>(block.size());
        stream_.avail_out = 0;
        std::size_t size = 0;
        // Room is offered in pieces of one size, however much there is, so that ISA-L never decides by it.
        while (stream_.avail_in > 0 || (stream_.avail_out == 0 && stream_.internal_state.state != ZSTATE_NEW_HDR)) {
            if (room.size() < size + piece) room.resize(size + piece);
            stream_.next_out = reinterpret_cast<std::uint8_t*>(room.data() + size);
            stream_.avail_out = static_cast<std::uint32_t>(piece);
            if (isal_deflate(&stream_) != COMP_OK) throw Error(Fault::bug, "ISA-L could not compress");
            size += piece - stream_.avail_out;
        }
        return size;
    }

private:
    // What cannot be compressed is stored, with a few bytes for every 64 KiB.
    static constexpr std::size_t piece = gzip_block + gzip_block / 8;

    int level_;
    std::vector<std::uint8_t> scratch_;
    isal_zstream stream_{};
};

void append_little_endian(std::string& out, std::uint32_t value) {
    for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(static_cast<unsigned char>(value >> shift));
}

class GzipPacking final : public Packing {
public:
    explicit GzipPacking(int level) : level_(level) {}
    std::size_t block_size() const override { return gzip_block; }
    std::size_t history_size() const override { return ISAL_DEF_HIST_SIZE; }
    std::unique_ptr<Packer> packer() const override { return std::make_unique<GzipPacker>(level_); }
    // RFC 1952, 2.3: deflate, no flags, no time, of an unknown system.
    std::string start() override { return {'\x1f', '\x8b', 8, 0, 0, 0, 0, 0, 0, '\xff'}; }
    void pass(std::span<const std::byte> block) override {
        crc_ = crc32_gzip_refl(crc_, input_of(block), block.size());
        size_ += static_cast<std::uint32_t>(block.size());  // modulo 2^32, as ISIZE is
    }
    std::string end() override {
        // An empty last block with fixed codes (RFC 1951, 3.2.3): no worker has to know which block is the last.
        std::string out = {3, 0};
        append_little_endian(out, crc_);
        append_little_endian(out, size_);
        return out;
    }

private:
    int level_;
    std::uint32_t crc_ = 0;
    std::uint32_t size_ = 0;
};

class GunzipSource final : public Source {
public:
    explicit GunzipSource(SourcePtr upstream) : upstream_(std::move(upstream)), input_(chunk_size) { begin_member(); }

    std::size_t read(std::span<std::byte> buffer) override {
        if (buffer.empty()) return 0;
        const auto room = static_cast<std::uint32_t>(std::min<std::size_t>(buffer.size(), UINT32_MAX));
        state_.next_out = reinterpret_cast<std::uint8_t*>(buffer.data());
        state_.avail_out = room;
        while (state_.avail_out == room) {
            if (state_.avail_in == 0 && !upstream_ended_) fill();
            if (state_.block_state == ISAL_BLOCK_FINISH) {
                if (state_.avail_in == 0) return 0;
                begin_member();  // RFC 1952, 2.2: members follow each other, with nothing between
            }
            inflate();
        }
        return room - state_.avail_out;
    }

private:
    void begin_member() {
        if (state_.block_state == ISAL_BLOCK_FINISH && state_.next_in != nullptr)
            isal_inflate_reset(&state_);
        else
            isal_inflate_init(&state_);
        state_.crc_flag = ISAL_GZIP;
    }

    void fill() {
        const std::size_t count = upstream_->read(std::as_writable_bytes(std::span(input_)));
        upstream_ended_ = count == 0;
        state_.next_in = input_.data();
        state_.avail_in = static_cast<std::uint32_t>(count);
    }

    void inflate() {
        const auto before = std::pair(state_.avail_in, state_.avail_out);
        const auto phase = state_.block_state;
        const int result = isal_inflate(&state_);
        if (result == ISAL_INCORRECT_CHECKSUM)
            throw Error(Fault::integrity, "gzip: the bytes are not those of the checksum or the size");
        if (result != ISAL_DECOMP_OK && result != ISAL_END_INPUT)
            throw Error(Fault::integrity, "gzip: this is no gzip, or damaged");
        if (before == std::pair(state_.avail_in, state_.avail_out) && phase == state_.block_state)
            throw Error(Fault::integrity, "gzip: the stream ends too early");
    }

    SourcePtr upstream_;
    std::vector<std::uint8_t> input_;
    bool upstream_ended_ = false;
    inflate_state state_{};
};

}  // namespace

std::unique_ptr<Packing> gzip_packing(int level) { return std::make_unique<GzipPacking>(level); }
SourcePtr gunzipped(SourcePtr upstream) { return std::make_unique<GunzipSource>(std::move(upstream)); }

}  // namespace wasmx::io
