// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "io/stream.hpp"

namespace wasmx::io {

/// What a stream is compressed to, and how hard.
struct Compression {
    enum class Kind { gzip, zstd };
    Kind kind = Kind::gzip;
    std::optional<int> level;  ///< on the scale of `levels_of`
};

struct Levels {
    int lowest;
    int highest;
    int usual;
};
/// gzip's are ISA-L's, which has fewer than zlib; zstd's are libzstd's.
Levels levels_of(Compression::Kind kind);

/// As many as there are processors, up to what one reader can keep busy.
unsigned default_workers();

/// One gzip member (RFC 1952), without name and time, or zstd frames with checksums (RFC 8878). On one machine the
/// bytes depend on the input and `compression` alone, not on the workers or on how the input arrives. `upstream` is
/// read by whoever reads the stream; with one worker there is no thread. Memory is about 4 MiB for each worker with
/// gzip, 10 with zstd. A level that is not on the scale is Fault::usage.
SourcePtr compressed(SourcePtr upstream, const Compression& compression = {}, unsigned workers = default_workers());

/// The plain bytes of gzip members or zstd frames, told by their first bytes; anything else is passed on as it is. What
/// ends too early, is damaged, has something else behind it, or asks for a window of more than 128 MiB is
/// Fault::integrity, and so are more than `limit` plain bytes. What was compressed twice comes out compressed once.
SourcePtr decompressed(SourcePtr upstream, std::uint64_t limit = UINT64_MAX);
/// The same; `upstream` outlives it.
SourcePtr decompressed(Source& upstream, std::uint64_t limit = UINT64_MAX);

}  // namespace wasmx::io
