// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/stream.hpp"

namespace wasmx::io {

/// Cuts a stream into lines, as engines send their JSON: ended by \n or \r\n, the last one perhaps by nothing.
class LineReader {
public:
    /// A line over `limit` bytes is Fault::integrity.
    explicit LineReader(Source& source, std::size_t limit = 16 << 20) : source_(source), limit_(limit) {}
    std::optional<std::string> next();

private:
    Source& source_;
    std::size_t limit_;
    std::string held_;
    std::size_t searched_ = 0;
    bool ended_ = false;
};

}  // namespace wasmx::io
