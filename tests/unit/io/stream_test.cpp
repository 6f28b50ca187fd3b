// SPDX-License-Identifier: Apache-2.0
#include "io/stream.hpp"

#include "io/compression.hpp"
#include "io/source_contract.hpp"
#include "io/tar.hpp"

namespace wasmx::io {

TEST_SUITE_BEGIN("io");

namespace {

const std::string text = sample(200001);

std::string gunzipped_size_and_magic(const std::string& bytes) {
    // The trailer holds the size (RFC 1952, 2.3.1).
    REQUIRE(bytes.size() >= 18);
    CHECK(bytes.substr(0, 3) == "\x1f\x8b\x08");
    std::uint32_t size = 0;
    for (std::size_t i = 0; i < 4; ++i)
        size |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[bytes.size() - 4 + i])) << 8 * i;
    return std::to_string(size);
}

}  // namespace

TEST_CASE("strings and bodies") {
    source_contract([] { return from_string(text); }, text);
    source_contract([] { return from_string(""); }, "");
    const Body body = body_of(text);
    CHECK(body.size == text.size());
    source_contract([&] { return body.open(); }, text);
}

TEST_CASE("digesting") {
    Tally tally;
    source_contract(
        [&] {
            tally = {};
            return digesting(from_string(text), tally);
        },
        text);
    CHECK(tally.complete);
    CHECK(tally.size == text.size());
    CHECK(tally.digest == sha256(text));
    failure_contract([&](SourcePtr upstream) {
        tally = {};
        return digesting(std::move(upstream), tally);
    });
    CHECK_FALSE(tally.complete);
}

TEST_CASE("sha256") {
    CHECK(sha256("").str() == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(sha256("abc").str() == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("verified") {
    source_contract([] { return verified(from_string(text), sha256(text), text.size()); }, text);
    source_contract([] { return verified(from_string(""), sha256(""), 0); }, "");
    failure_contract([](SourcePtr upstream) { return verified(std::move(upstream), sha256(text), text.size()); });
    const auto fault = [](const std::string& bytes, const std::string& expected, std::uint64_t size) {
        try {
            drain(*verified(from_string(bytes), sha256(expected), size));
        } catch (const Error& error) {
            return error.fault();
        }
        return Fault::bug;
    };
    CHECK(fault(text, "other", text.size()) == Fault::integrity);
    CHECK(fault(text, text, text.size() + 1) == Fault::integrity);
    CHECK(fault(text, text, text.size() - 1) == Fault::integrity);
    CHECK(fault("", text, text.size()) == Fault::integrity);
}

TEST_CASE("verified stops at the first byte too many") {
    std::uint64_t read = 0;
    auto source = verified(counted(from_string(text), [&](std::uint64_t count) { read += count; }), sha256("x"), 1);
    std::vector<std::byte> buffer(10);
    CHECK_THROWS_AS(source->read(buffer), Error);
    CHECK(read == 10);
}

TEST_CASE("counted") {
    std::uint64_t count = 0;
    source_contract(
        [&] {
            count = 0;
            return counted(from_string(text), [&](std::uint64_t more) { count += more; });
        },
        text);
    CHECK(count == text.size());
    failure_contract([](SourcePtr upstream) { return counted(std::move(upstream), [](std::uint64_t) {}); });
}

TEST_CASE("gzip") {
    for (const std::string& plain : {text, std::string(), std::string("x"), std::string(1 << 20, 'z')}) {
        CAPTURE(plain.size());
        const std::string packed = read_in_chunks(*compressed(from_string(plain)), chunk_size);
        source_contract([&] { return compressed(from_string(plain)); }, packed);
        CHECK(gunzipped_size_and_magic(packed) == std::to_string(plain.size()));
        // No name, no time: nothing of the day that it was made.
        CHECK(packed.substr(3, 5) == std::string(5, '\0'));
    }
    failure_contract([](SourcePtr upstream) { return compressed(std::move(upstream)); });
}

TEST_CASE("reading all of it has a limit") {
    CHECK(read_all(*from_string(text), text.size()) == text);
    CHECK_THROWS_AS(read_all(*from_string(text), text.size() - 1), Error);
}

TEST_SUITE_END();

}  // namespace wasmx::io
