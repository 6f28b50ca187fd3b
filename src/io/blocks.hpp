// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>
#include <vector>

#include "io/compression.hpp"

namespace wasmx::io {

/// Packs blocks, one at a time, with memory that it keeps from one to the next; each thread has its own.
class Packer {
public:
    Packer() = default;
    Packer(const Packer&) = delete;
    Packer& operator=(const Packer&) = delete;
    virtual ~Packer() = default;
    /// Puts the packed block at the front of `room`, which it makes larger where needed, and returns its size.
    /// `history` is what came before the block. What it gives depends on these two alone. May give up when `stop` says
    /// so.
    virtual std::size_t pack(std::span<const std::byte> history, std::span<const std::byte> block,
                             std::vector<std::byte>& room, const std::stop_token& stop) = 0;
};

/// A format whose blocks can be packed apart from each other and joined.
class Packing {
public:
    Packing() = default;
    Packing(const Packing&) = delete;
    Packing& operator=(const Packing&) = delete;
    virtual ~Packing() = default;
    virtual std::size_t block_size() const = 0;
    virtual std::size_t history_size() const = 0;        ///< at most a block
    virtual std::unique_ptr<Packer> packer() const = 0;  ///< may be called from any thread
    virtual std::string start() = 0;
    virtual void pass(std::span<const std::byte> block) = 0;  ///< each block in its order, before it is packed
    virtual std::string end() = 0;
};

/// Packs the blocks of `upstream` on `workers` threads, or on the reader's when that is one.
SourcePtr packed(SourcePtr upstream, std::unique_ptr<Packing> packing, unsigned workers);

std::unique_ptr<Packing> gzip_packing(int level);
std::unique_ptr<Packing> zstd_packing(int level);
SourcePtr gunzipped(SourcePtr upstream);
SourcePtr unzstd(SourcePtr upstream);

}  // namespace wasmx::io
