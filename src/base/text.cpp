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
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\x1b') {
            i += escape_length(text.substr(i + 1));
        } else if (c == '\xc2' && i + 1 < text.size() && is_inside_character(text[i + 1]) &&
                   static_cast<unsigned char>(text[i + 1]) < 0xa0) {
            ++i;  // C1 controls in UTF-8: to some terminals U+009B is as good as ESC [
        } else if (c == '\t') {
            out += "    ";
        } else if (static_cast<unsigned char>(c) >= 0x20 && c != '\x7f') {
            out += c;
        } else if (c == '\n') {
            out += ' ';
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
