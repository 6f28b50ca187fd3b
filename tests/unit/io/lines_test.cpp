// SPDX-License-Identifier: Apache-2.0
#include "io/lines.hpp"

#include "io/source_contract.hpp"

namespace wasmx::io {

TEST_SUITE_BEGIN("io");

namespace {

/// Hands its text out in pieces of one size.
class Dripping final : public Source {
public:
    Dripping(std::string text, std::size_t piece) : inner_(from_string(std::move(text))), piece_(piece) {}
    std::size_t read(std::span<std::byte> buffer) override {
        return inner_->read(buffer.first(std::min(piece_, buffer.size())));
    }

private:
    SourcePtr inner_;
    std::size_t piece_;
};

std::vector<std::string> lines_of(const std::string& text, std::size_t piece, std::size_t limit = 1 << 20) {
    Dripping source(text, piece);
    LineReader reader(source, limit);
    std::vector<std::string> out;
    while (auto line = reader.next()) out.push_back(*line);
    CHECK_FALSE(reader.next());
    return out;
}

}  // namespace

TEST_CASE("lines, however the bytes come") {
    struct Row {
        std::string text;
        std::vector<std::string> lines;
    };
    const std::string longer = sample(50000);
    for (const Row& row :
         {Row{"", {}}, Row{"a", {"a"}}, Row{"a\n", {"a"}}, Row{"a\r\nb\n", {"a", "b"}}, Row{"\n\r\n\n", {"", "", ""}},
          Row{"a\n\nb", {"a", "", "b"}}, Row{"a\rb\n", {"a\rb"}}, Row{longer + "\n" + longer, {longer, longer}}}) {
        for (const std::size_t piece : {1U, 2U, 3U, 16384U}) {
            CAPTURE(piece);
            CHECK((lines_of(row.text, piece) == row.lines));
        }
    }
}

TEST_CASE("a line has a limit") {
    CHECK_THROWS_AS(lines_of(std::string(100000, 'x'), 4096, 1000), Error);
    CHECK(lines_of(std::string(1000, 'x'), 4096, 1000).size() == 1);
}

TEST_SUITE_END();

}  // namespace wasmx::io
