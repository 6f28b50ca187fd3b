// SPDX-License-Identifier: Apache-2.0
#include "source/pattern.hpp"

#include <algorithm>
#include <variant>
#include <vector>

#include "base/text.hpp"

namespace wasmx::source {

namespace {

/// A character of UTF-8 text; a byte that is none counts as a character of its own.
struct Character {
    char32_t code = 0;
    std::size_t length = 1;
};

Character character_at(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(at);
    const std::size_t length = lead < 0x80                   ? 1
                               : lead >= 0xf0 && lead < 0xf8 ? 4
                               : lead >= 0xe0                ? 3
                               : lead >= 0xc0                ? 2
                                                             : 1;
    if (length == 1 || lead >= 0xf8 || at + length > text.size()) return {lead, 1};
    char32_t code = lead & (0x7fU >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(at + i) & 0xc0U) != 0x80) return {lead, 1};
        code = code << 6U | (byte(at + i) & 0x3fU);
    }
    return {code, length};
}

struct Any {};      // ?
struct Star {};     // *
struct Deep {};     // ** at the end: anything
struct DeepDir {};  // **/ or ** elsewhere: nothing, or anything up to a /
struct Class {      // [a-z], [^a-z]
    struct Range {
        char32_t first;
        char32_t last;
    };
    bool negated = false;
    std::vector<Range> ranges;
    bool has(char32_t code) const {
        const bool inside = std::any_of(ranges.begin(), ranges.end(), [code](const Range& range) {
            return range.first <= code && code <= range.last;
        });
        return inside != negated;
    }
};
using Token = std::variant<char32_t, Any, Star, Deep, DeepDir, Class>;

/// Reads a pattern; `next` is nullopt at its end and after an error.
class Reader {
public:
    explicit Reader(std::string_view pattern) : rest_(pattern) {}
    bool failed() const noexcept { return failed_; }

    std::optional<Token> next() {
        if (rest_.empty()) return std::nullopt;
        const char32_t code = take();
        if (code == U'*') return read_star();
        if (code == U'?') return Any{};
        if (code == U'[') return read_class();
        if (code == U'\\') return read_escaped();
        return code;
    }

private:
    char32_t take() {
        const Character character = character_at(rest_, 0);
        rest_.remove_prefix(character.length);
        return character.code;
    }

    std::optional<Token> fail() {
        failed_ = true;
        rest_ = {};
        return std::nullopt;
    }

    Token read_star() {
        if (!rest_.starts_with('*')) return Star{};
        rest_.remove_prefix(1);
        if (rest_.starts_with('/')) rest_.remove_prefix(1);
        if (rest_.empty()) return Deep{};
        return DeepDir{};
    }

    std::optional<Token> read_escaped() {
        if (rest_.empty()) return fail();
        return take();
    }

    // One end of a range; "-" and "]" have to be escaped to stand for themselves.
    std::optional<char32_t> read_member() {
        if (rest_.empty() || rest_.front() == '-' || rest_.front() == ']') return std::nullopt;
        const char32_t code = take();
        if (code != U'\\') return code;
        if (rest_.empty()) return std::nullopt;
        return take();
    }

    std::optional<Token> read_class() {
        Class result;
        if (rest_.starts_with('^')) {
            result.negated = true;
            rest_.remove_prefix(1);
        }
        do {
            const auto first = read_member();
            if (!first) return fail();
            auto last = first;
            if (rest_.starts_with('-')) {
                rest_.remove_prefix(1);
                last = read_member();
                if (!last) return fail();
            }
            result.ranges.push_back({*first, *last});
        } while (!rest_.starts_with(']'));
        rest_.remove_prefix(1);
        return result;
    }

    std::string_view rest_;
    bool failed_ = false;
};

/// The places in `path` up to which the pattern, as far as it has been read, can match.
using Reached = std::vector<bool>;

Reached step(const Token& token, std::string_view path, const Reached& from) {
    Reached to(from.size(), false);
    bool open = false;  // for the stars: some place before this one is reached
    for (std::size_t i = 0; i < from.size(); ++i) {
        open = open || from[i];
        if (std::holds_alternative<Star>(token) || std::holds_alternative<Deep>(token)) {
            to[i] = open;
            if (std::holds_alternative<Star>(token) && i < path.size() && path[i] == '/') open = false;
        } else if (std::holds_alternative<DeepDir>(token)) {
            to[i] = to[i] || from[i];
            if (open && i < path.size() && path[i] == '/') to[i + 1] = true;
        } else if (from[i] && i < path.size()) {
            const Character character = character_at(path, i);
            const bool fits = std::holds_alternative<Any>(token)     ? character.code != U'/'
                              : std::holds_alternative<Class>(token) ? std::get<Class>(token).has(character.code)
                                                                     : std::get<char32_t>(token) == character.code;
            if (fits) to[i + character.length] = true;
        }
    }
    return to;
}

}  // namespace

bool pattern_matches(std::string_view pattern, std::string_view path) {
    Reached reached(path.size() + 1, false);
    reached[0] = true;
    Reader reader(pattern);
    while (const auto token = reader.next()) reached = step(*token, path, reached);
    return !reader.failed() && reached.back();
}

bool is_pattern(std::string_view pattern) {
    Reader reader(pattern);
    while (reader.next()) {
    }
    return !reader.failed();
}

std::string clean_path(std::string_view path) {
    const bool rooted = path.starts_with('/');
    std::vector<std::string_view> kept;
    for (const std::string_view part : split(path, '/')) {
        if (part.empty() || part == ".") continue;
        if (part == ".." && !kept.empty() && kept.back() != "..") {
            kept.pop_back();
        } else if (part != ".." || !rooted) {
            kept.push_back(part);
        }
    }
    std::string out = rooted ? "/" : "";
    for (const std::string_view part : kept) {
        if (!out.empty() && out.back() != '/') out += '/';
        out += part;
    }
    return out.empty() ? "." : out;
}

}  // namespace wasmx::source
