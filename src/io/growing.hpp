// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/file.hpp"

namespace wasmx::io {

/// A scratch file that is read while it is still written, by other threads: its sources wait for bytes that are not
/// there yet. Written by one thread.
class GrowingFile {
public:
    explicit GrowingFile(TempFile file);
    /// Without `finish` it is given up: who reads it gets Fault::interrupted.
    ~GrowingFile();
    GrowingFile(const GrowingFile&) = delete;
    GrowingFile& operator=(const GrowingFile&) = delete;

    void write(std::span<const std::byte> bytes);
    /// That was all; sources end there.
    void finish();
    /// From the start, as often as need be; it has no size. Outlives this object.
    Body body() const;
    TempFile& file() noexcept { return file_; }
    const TempFile& file() const noexcept { return file_; }

private:
    struct State;
    class Reader;
    TempFile file_;
    std::shared_ptr<State> state_;
};

}  // namespace wasmx::io
