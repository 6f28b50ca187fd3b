// SPDX-License-Identifier: Apache-2.0
#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <numeric>

namespace wasmx {

namespace {

bool is_between(char c, char first, char last) noexcept { return c >= first && c <= last; }

// How many bytes behind an ESC belong to its sequence. (ECMA-48, 5.3 to 5.6)
std::size_t escape_length(std::string_view rest) noexcept {
    std::size_t i = 0;
    if (rest.starts_with('[')) {  // CSI: parameters, then one final byte
        for (i = 1; i < rest.size() && is_between(rest[i], ' ', '?');) ++i;
    } else if (!rest.empty() && std::string_view("]PX^_").find(rest[0]) != std::string_view::npos) {
        const auto end = rest.find_first_of("\x07\x1b");  // OSC and its like: a text up to BEL or ESC \ .
        return end == std::string_view::npos ? 1 : rest[end] == '\x07' ? end + 1 : end;
    } else {
        while (i < rest.size() && is_between(rest[i], ' ', '/')) ++i;
    }
    return i < rest.size() && is_between(rest[i], '0', '~') ? i + 1 : i;
}

struct Character {
    std::uint32_t code = 0;
    std::size_t size = 1;
    bool is_valid = false;  ///< else it is one byte that begins no character
};

// (RFC 3629, 4: the table of well-formed sequences)
Character character_at(std::string_view text, std::size_t at) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
    const std::uint32_t first = byte(at);
    if (first < 0x80) return {.code = first, .size = 1, .is_valid = true};
    const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || at + size > text.size()) return {};
    std::uint32_t code = first & (0x7fU >> size);
    for (std::size_t i = 1; i < size; ++i) {
        if (!is_inside_character(text[at + i])) return {};
        code = code << 6 | (byte(at + i) & 0x3f);
    }
    const bool is_overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
    const bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
    if (is_overlong || is_surrogate || code > 0x10ffff) return {};
    return {.code = code, .size = size, .is_valid = true};
}

bool is_c0(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == '\x7f'; }

// What a terminal or a log viewer obeys or hides instead of showing it: C1 controls, marks that turn the direction of
// writing (UAX #9, 2), line separators, what has no width, tags. Joiners are parts of words and emoji.
bool is_obeyed(std::uint32_t code) noexcept {
    constexpr std::array<std::pair<std::uint32_t, std::uint32_t>, 15> ranges{{{0x80, 0x9f},
                                                                              {0xad, 0xad},
                                                                              {0x61c, 0x61c},
                                                                              {0x180e, 0x180e},
                                                                              {0x200b, 0x200b},
                                                                              {0x200e, 0x200f},
                                                                              {0x2028, 0x202e},
                                                                              {0x2060, 0x206f},
                                                                              {0xfdd0, 0xfdef},
                                                                              {0xfeff, 0xfeff},
                                                                              {0xfff9, 0xfffb},
                                                                              {0xfffe, 0xffff},
                                                                              {0x1d173, 0x1d17a},
                                                                              {0xe0000, 0xe007f},
                                                                              {0x10fffe, 0x10ffff}}};
    return std::any_of(ranges.begin(), ranges.end(),
                       [code](const auto& range) { return code >= range.first && code <= range.second; });
}

std::string human(std::uint64_t bytes, unsigned step, const std::array<const char*, 4>& units) {
    if (bytes < step) return fmt::format("{} B", bytes);
    auto value = static_cast<double>(bytes) / step;
    std::size_t unit = 0;
    while (value >= step - 0.05 && unit + 1 < units.size()) {
        value /= step;
        ++unit;
    }
    return fmt::format("{:.1f} {}", value, units[unit]);
}

}  // namespace

std::string human_bytes(std::uint64_t bytes) { return human(bytes, 1024, {"KiB", "MiB", "GiB", "TiB"}); }

std::string human_decimal_bytes(std::uint64_t bytes) { return human(bytes, 1000, {"kB", "MB", "GB", "TB"}); }

std::optional<std::uint64_t> parse_number(std::string_view text) noexcept {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<std::uint64_t> parse_seconds(std::string_view text) noexcept {
    constexpr std::uint64_t most = 1'000'000'000;
    std::uint64_t out = 0;
    if (text.empty()) return std::nullopt;
    while (!text.empty()) {
        const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
        const auto number = parse_number(text.substr(0, digits));
        const char unit = digits < text.size() ? text[digits] : 's';
        const std::uint64_t step = unit == 'h' ? 3600 : unit == 'm' ? 60 : 1;
        if (!number || *number > most || (step == 1 && unit != 's')) return std::nullopt;
        out += *number * step;
        text.remove_prefix(std::min(digits + 1, text.size()));
    }
    return out;
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
    text = trim(text);
    const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto number = parse_number(text.substr(0, digits));
    const std::string unit = lower(trim(text.substr(digits)));
    if (!number) return std::nullopt;
    if (unit.empty() || unit == "b") return number;
    const auto power = std::string_view("kmgt").find(unit.front());
    const std::string_view rest = std::string_view(unit).substr(1);
    if (power == std::string_view::npos || (!rest.empty() && rest != "b" && rest != "ib")) return std::nullopt;
    // A lone letter is what docker takes it for, a power of 1024. (docker/go-units, RAMInBytes)
    const std::uint64_t step = rest == "b" ? 1000 : 1024;
    std::uint64_t out = *number;
    for (std::size_t i = 0; i <= power; ++i) {
        if (out > std::numeric_limits<std::uint64_t>::max() / step) return std::nullopt;
        out *= step;
    }
    return out;
}

std::string human_seconds(double seconds) {
    if (seconds < 59.95) return fmt::format("{:.1f}s", seconds);
    const auto whole = static_cast<std::uint64_t>(seconds + 0.05);
    if (whole < 3600) return fmt::format("{}m {:02}s", whole / 60, whole % 60);
    return fmt::format("{}h {:02}m", whole / 3600, whole / 60 % 60);
}

std::string_view trim(std::string_view text) noexcept {
    constexpr std::string_view blank = " \t\r\n\v\f";
    const auto first = text.find_first_not_of(blank);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const auto at = text.find(separator);
        parts.push_back(text.substr(0, at));
        if (at == std::string_view::npos) return parts;
        text.remove_prefix(at + 1);
    }
}

std::string_view clipped(std::string_view text, std::size_t limit) noexcept {
    if (text.size() <= limit) return text;
    while (limit > 0 && is_inside_character(text[limit])) --limit;
    return text.substr(0, limit);
}

std::string printable(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size();) {
        const char c = text[i];
        const Character character = character_at(text, i);
        i += character.size;
        if (c == '\x1b') {
            i += escape_length(text.substr(i));
        } else if (c == '\t') {
            out += "    ";
        } else if (c == '\n') {
            out += ' ';
        } else if (is_c0(c)) {
            continue;
        } else if (!character.is_valid || is_obeyed(character.code)) {
            out += "\xef\xbf\xbd";  // U+FFFD
        } else if (c == '[' && out.ends_with("##")) {
            out += " [";
        } else {
            out += text.substr(i - character.size, character.size);
        }
    }
    if (const auto first = out.find_first_not_of(' '); first != std::string::npos && out.compare(first, 2, "::") == 0)
        out.insert(first + 1, 1, ' ');
    return out;
}

std::string escaped(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        const char c = text[i];
        const Character character = character_at(text, i);
        const std::string_view bytes = text.substr(i, character.size);
        i += character.size;
        const bool is_runner_command = c == '[' && out.ends_with("##");
        if (c == '\\') {
            out += "\\\\";
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\r') {
            out += "\\r";
        } else if (is_c0(c) || !character.is_valid || is_obeyed(character.code) || is_runner_command) {
            for (const char byte : bytes) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
        } else {
            out += bytes;
        }
    }
    return out;
}

std::string printable_url(std::string_view url) {
    std::string out;
    if (const auto scheme = url.find("://"); scheme != std::string_view::npos) {
        out = url.substr(0, scheme + 3);
        url.remove_prefix(scheme + 3);
        auto authority = url.substr(0, url.find_first_of("/?#"));
        // "user:pa/ss@host": what stands where a port belongs is the first half of a password with a slash in it.
        const auto colon = authority.rfind(':');
        if (colon != std::string_view::npos &&
            authority.find_first_not_of("0123456789]", colon + 1) != std::string_view::npos)
            authority = url;
        if (const auto at = authority.rfind('@'); at != std::string_view::npos) url.remove_prefix(at + 1);
    }
    const auto query = url.find('?');
    out += url.substr(0, query);
    if (query != std::string_view::npos) out += "?…";
    return printable(out);
}

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates) {
    std::optional<std::string> best;
    // Half of a short word may be wrong, a third of a long one; a candidate that shares nothing is no guess.
    std::size_t best_distance = std::min(word.size() / 2, std::max<std::size_t>(2, word.size() / 3)) + 1;
    for (const std::string& candidate : candidates) {
        std::vector<std::size_t> row(candidate.size() + 1);
        std::iota(row.begin(), row.end(), std::size_t{0});
        for (std::size_t i = 1; i <= word.size(); ++i) {
            std::size_t diagonal = row[0]++;
            for (std::size_t j = 1; j <= candidate.size(); ++j) {
                const std::size_t replace = diagonal + (word[i - 1] == candidate[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = std::min({row[j] + 1, row[j - 1] + 1, replace});
            }
        }
        if (row.back() < best_distance) {
            best_distance = row.back();
            best = candidate;
        }
    }
    return best;
}

std::string shell_quoted(std::string_view word) {
    constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-";
    if (!word.empty() && word.find_first_not_of(plain) == std::string_view::npos) return std::string(word);
    std::string out = "'";
    for (const char c : word) {
        if (c == '\'') {
            out += "'\\''";
        } else {
            out += c;
        }
    }
    return out + "'";
}

std::string wrapped(std::string_view text, std::size_t column, std::size_t width) {
    std::string out;
    std::size_t at = column;
    for (const auto word : split(text, ' ')) {
        if (at > column && at + 1 + word.size() > width) {
            out += "\n" + std::string(column, ' ');
            at = column;
        } else if (at > column) {
            out += ' ';
            ++at;
        }
        out += word;
        at += word.size();
    }
    return out;
}

std::string environment(const char* name) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing of ours sets the environment
    return value == nullptr ? std::string() : std::string(value);
}

}  // namespace wasmx
