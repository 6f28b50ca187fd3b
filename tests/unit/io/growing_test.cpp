// SPDX-License-Identifier: Apache-2.0
#include "io/growing.hpp"

#include <optional>
#include <thread>

#include "io/source_contract.hpp"
#include "support/error_of.hpp"

namespace wasmx::io {

TEST_SUITE_BEGIN("io");

TEST_CASE("a file that has grown is a stream like any other, as often as it is opened") {
    const std::string text(100'000, 'g');
    GrowingFile file{TempFile()};
    file.write(bytes_of(std::string_view(text).substr(0, 1)));
    file.write(bytes_of(std::string_view(text).substr(1)));
    file.finish();
    const Body body = file.body();
    CHECK_FALSE(body.size);
    source_contract(body.open, text);
}

TEST_CASE("a file is read while it is written, by several") {
    std::optional<GrowingFile> file(std::in_place, TempFile());
    const Body body = file->body();
    std::string expected;
    std::vector<std::string> got(3);
    {
        std::vector<std::jthread> readers;
        for (std::string& out : got) readers.emplace_back([&body, &out] { out = read_in_chunks(*body.open(), 1000); });
        for (int i = 0; i < 300; ++i) {
            const std::string piece(static_cast<std::size_t>(i * 7 % 1000), static_cast<char>('a' + i % 26));
            file->write(bytes_of(piece));
            expected += piece;
        }
        file->finish();
        file.reset();  // whoever reads goes on
    }
    for (const std::string& out : got) CHECK((out == expected));
}

TEST_CASE("what is given up ends in an error for whoever reads or waits") {
    std::optional<GrowingFile> file(std::in_place, TempFile());
    const Body body = file->body();
    file->write(bytes_of("some"));
    const SourcePtr source = body.open();
    std::vector<std::byte> buffer(100);
    CHECK(source->read(buffer) == 4);
    std::jthread writer([&] { file.reset(); });
    CHECK(test::error_of([&] { source->read(buffer); }).fault() == Fault::interrupted);
    CHECK(test::error_of([&] { body.open()->read(buffer); }).fault() == Fault::interrupted);
}

TEST_SUITE_END();

}  // namespace wasmx::io
