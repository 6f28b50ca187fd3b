// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "io/stream.hpp"

namespace wasmx::io {

inline std::string read_in_chunks(Source& source, std::size_t chunk) {
    std::string out;
    std::vector<std::byte> buffer(chunk);
    while (const std::size_t count = source.read(buffer)) {
        if (count > chunk) FAIL("more bytes than there was room for");
        out += text_of(std::span(buffer).first(count));
    }
    return out;
}

/// What every stream keeps: the bytes do not depend on how they are asked for, and the end stays the end.
/// `make` gives a fresh stream each time.
inline void source_contract(const std::function<SourcePtr()>& make, const std::string& expected) {
    for (const std::size_t chunk : {1U, 7U, 4096U, 65536U}) {
        CAPTURE(chunk);
        const SourcePtr source = make();
        CHECK((read_in_chunks(*source, chunk) == expected));
        std::vector<std::byte> buffer(chunk);
        CHECK(source->read(buffer) == 0);
        CHECK(source->read(buffer) == 0);
    }
    const SourcePtr source = make();
    CHECK(source->read({}) == 0);  // no room is not the end
    CHECK((read_in_chunks(*source, 1000) == expected));
}

/// Gives some bytes and then throws, each time it is asked.
class FailingSource final : public Source {
public:
    explicit FailingSource(std::string before) : before_(from_string(std::move(before))) {}
    std::size_t read(std::span<std::byte> buffer) override {
        if (const std::size_t count = before_->read(buffer)) return count;
        ++thrown;
        throw Error(Fault::io, "upstream failed");
    }
    int thrown = 0;

private:
    SourcePtr before_;
};

/// A filter passes an upstream error on as it is, once. `wrap` puts the filter around a stream that fails.
inline void failure_contract(const std::function<SourcePtr(SourcePtr)>& wrap) {
    for (const std::size_t chunk : {1U, 7U, 4096U, 65536U}) {
        CAPTURE(chunk);
        auto failing = std::make_unique<FailingSource>(std::string(10000, 'x'));
        const FailingSource& upstream = *failing;
        const SourcePtr source = wrap(std::move(failing));
        try {
            (void)read_in_chunks(*source, chunk);
            FAIL("nothing was thrown");
        } catch (const Error& error) {
            CHECK(error.fault() == Fault::io);
            CHECK(error.message() == "upstream failed");
        }
        CHECK(upstream.thrown == 1);
    }
}

/// Text that is neither constant nor noise.
inline std::string sample(std::size_t size) {
    std::string out(size, ' ');
    for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>('a' + (i * i + i / 7) % 26);
    return out;
}

}  // namespace wasmx::io
