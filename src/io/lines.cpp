// SPDX-License-Identifier: Apache-2.0
#include "io/lines.hpp"

#include <fmt/format.h>

#include <array>

#include "base/error.hpp"

namespace wasmx::io {

std::optional<std::string> LineReader::next() {
    std::array<std::byte, 16384> buffer;
    for (;;) {
        if (const auto end = held_.find('\n', searched_); end != std::string::npos) {
            std::string line = held_.substr(0, end > 0 && held_[end - 1] == '\r' ? end - 1 : end);
            held_.erase(0, end + 1);
            searched_ = 0;
            return line;
        }
        searched_ = held_.size();
        if (ended_) {
            if (held_.empty()) return std::nullopt;
            searched_ = 0;
            return std::exchange(held_, {});
        }
        if (held_.size() > limit_) throw Error(Fault::integrity, fmt::format("a line of more than {} bytes", limit_));
        const std::size_t count = source_.read(buffer);
        ended_ = count == 0;
        held_ += text_of(std::span(buffer).first(count));
    }
}

}  // namespace wasmx::io
