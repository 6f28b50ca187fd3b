// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/stream.hpp"

namespace wasmx::io {

/// A member of a static library.
struct ArMember {
    std::string name;
    std::uint64_t size = 0;
};

/// Walks a static library in one pass, in GNU's dialect or BSD's, passing over its tables of symbols. libarchive does
/// too, but takes what is not a number for one, and a table of names of any size. (ar(5); System V ABI, "Archive File")
class ArReader {
public:
    /// Throws Fault::integrity when the bytes are not those of a static library, or of a thin one, which only names
    /// its members.
    explicit ArReader(Source& source);

    /// The next member, skipping what was not read of the last. Throws Fault::integrity for a damaged archive.
    std::optional<ArMember> next();
    /// The bytes of the member that `next` returned; 0 at its end.
    std::size_t read(std::span<std::byte> buffer);

private:
    std::size_t fill(std::span<std::byte> buffer);
    void skip_member();
    std::string take_text(std::uint64_t size, std::uint64_t limit);
    std::string name_at(std::string_view offset) const;

    Source& source_;
    std::string names_;       // GNU's table of long names
    std::uint64_t left_ = 0;  // of the member
    bool padded_ = false;     // an odd one has a byte behind it
};

/// Whether a file begins as a static library does, thin or not.
bool is_ar(std::string_view head) noexcept;

}  // namespace wasmx::io
