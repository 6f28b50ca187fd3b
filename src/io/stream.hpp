// SPDX-License-Identifier: Apache-2.0
#pragma once
// io: byte streams, and the C libraries that make and take bytes: files, curl, libarchive, ISA-L, zstd, EVP, child
// processes. It knows nothing of images, registries or engines; no room above includes a header of those libraries.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/digest.hpp"

namespace wasmx::io {

/// Bytes that are pulled. `read` fills at most the whole buffer, returns how many bytes it put there and 0 at the end,
/// and again 0 when asked again; it throws Error.
class Source {
public:
    Source() = default;
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;
    virtual ~Source() = default;
    virtual std::size_t read(std::span<std::byte> buffer) = 0;
};
using SourcePtr = std::unique_ptr<Source>;

/// The end of a line. What was written counts only once `finish` has returned; without it nothing stays.
class Sink {
public:
    Sink() = default;
    Sink(const Sink&) = delete;
    Sink& operator=(const Sink&) = delete;
    virtual ~Sink() = default;
    virtual void write(std::span<const std::byte> bytes) = 0;
    virtual void finish() = 0;
};

/// Bytes that can be read more than once: what a request needs to be sent again.
struct Body {
    std::optional<std::uint64_t> size;
    std::function<SourcePtr()> open;
};

/// What a `digesting` stream has seen; complete when the stream has returned 0.
struct Tally {
    std::uint64_t size = 0;
    Digest digest;
    bool complete = false;
};

/// sha256, incrementally.
class Hasher {
public:
    Hasher();
    Hasher(Hasher&&) noexcept;
    Hasher& operator=(Hasher&&) noexcept;
    ~Hasher();
    void update(std::span<const std::byte> bytes);
    Digest finish();  ///< once

private:
    struct State;
    std::unique_ptr<State> state_;
};
Digest sha256(std::string_view bytes);

inline constexpr std::size_t chunk_size = std::size_t{64} * 1024;

SourcePtr from_string(std::string text);
Body body_of(std::string text);

/// Passes the bytes on and tallies them; `tally` outlives the stream.
SourcePtr digesting(SourcePtr upstream, Tally& tally);
/// Passes the bytes on and throws Fault::integrity at the end (or as soon as there is one byte too many) if they are
/// not the `size` bytes of `digest`. What was read before the end is not verified yet.
SourcePtr verified(SourcePtr upstream, const Digest& digest, std::uint64_t size);
/// Calls `advance` with each count read.
SourcePtr counted(SourcePtr upstream, std::function<void(std::uint64_t)> advance);
/// Passes the bytes on and writes them to `sink` as well, which outlives the stream; finishing it is the caller's.
SourcePtr teed(SourcePtr upstream, Sink& sink);
/// Bytes that were read ahead to see what they are, then the rest.
SourcePtr resumed(std::string head, SourcePtr rest);

/// All of it; more than `limit` bytes is Fault::integrity.
std::string read_all(Source& source, std::uint64_t limit);
/// Reads to the end, keeps nothing.
void drain(Source& source);
/// Everything from source to sink; does not call finish.
std::uint64_t copy(Source& source, Sink& sink);

inline std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }
inline std::string_view text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace wasmx::io
