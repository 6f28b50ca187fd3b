// SPDX-License-Identifier: Apache-2.0
#include <isa-l/igzip_lib.h>

#include <vector>

#include "base/error.hpp"
#include "io/stream.hpp"

namespace wasmx::io {

namespace {

class GzipSource final : public Source {
public:
    explicit GzipSource(SourcePtr upstream)
        : upstream_(std::move(upstream)), input_(4 * chunk_size), scratch_(ISAL_DEF_LVL1_DEFAULT) {
        isal_deflate_init(&stream_);
        stream_.level = 1;
        stream_.level_buf = scratch_.data();
        stream_.level_buf_size = static_cast<std::uint32_t>(scratch_.size());
        stream_.gzip_flag = IGZIP_GZIP;
        stream_.flush = NO_FLUSH;
    }

    std::size_t read(std::span<std::byte> buffer) override {
        if (buffer.empty() || finished()) return 0;
        stream_.next_out = reinterpret_cast<std::uint8_t*>(buffer.data());
        stream_.avail_out = static_cast<std::uint32_t>(std::min<std::size_t>(buffer.size(), UINT32_MAX));
        const std::uint32_t room = stream_.avail_out;
        while (stream_.avail_out == room && !finished()) {
            if (stream_.avail_in == 0 && stream_.end_of_stream == 0) fill();
            if (isal_deflate(&stream_) != COMP_OK) throw Error(Fault::bug, "ISA-L could not compress");
        }
        return room - stream_.avail_out;
    }

private:
    bool finished() const { return stream_.internal_state.state == ZSTATE_END; }

    // Always to the brim: where ISA-L ends its blocks depends on what it is given at once, and equal bytes must not be
    // compressed differently because they arrived in other pieces.
    void fill() {
        std::size_t filled = 0;
        while (filled < input_.size() && stream_.end_of_stream == 0) {
            const std::size_t count = upstream_->read(std::as_writable_bytes(std::span(input_).subspan(filled)));
            filled += count;
            stream_.end_of_stream = count == 0 ? 1 : 0;
        }
        stream_.next_in = input_.data();
        stream_.avail_in = static_cast<std::uint32_t>(filled);
    }

    SourcePtr upstream_;
    std::vector<std::uint8_t> input_;
    std::vector<std::uint8_t> scratch_;
    isal_zstream stream_{};
};

}  // namespace

SourcePtr gzip(SourcePtr upstream) { return std::make_unique<GzipSource>(std::move(upstream)); }

}  // namespace wasmx::io
