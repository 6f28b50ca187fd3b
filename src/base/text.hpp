// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace wasmx {

/// "25.8 MiB"
std::string human_bytes(std::uint64_t bytes);
/// "25.8 GB": powers of ten, as memory and disks are sold
std::string human_decimal_bytes(std::uint64_t bytes);
/// Decimal digits and nothing else.
std::optional<std::uint64_t> parse_number(std::string_view text) noexcept;
/// "5h30m", "90m", "600s", "600" as seconds; nullopt for anything else.
std::optional<std::uint64_t> parse_seconds(std::string_view text) noexcept;
/// "30GB", "512 MiB", "2g" (as docker: GiB), "1000": bytes; nullopt for anything else.
std::optional<std::uint64_t> parse_bytes(std::string_view text);
/// "1m 05s", "3.2s"
std::string human_seconds(double seconds);

std::string_view trim(std::string_view text) noexcept;
std::string lower(std::string_view text);
/// The parts are views into `text`: a temporary would be gone before them.
std::vector<std::string_view> split(std::string_view text, char separator);
template <class Text>
requires std::same_as<Text, std::string> std::vector<std::string_view> split(Text&& text, char separator)
= delete;
/// Whether a byte is one of those behind the first of a character. (UTF-8)
constexpr bool is_inside_character(char c) noexcept { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }
/// At most the first `limit` bytes, not cut inside a character.
std::string_view clipped(std::string_view text, std::size_t limit) noexcept;
/// What somebody else wrote (a server, a program, the name of a file), as one line that is fit for a terminal and for
/// the log of a GitHub Actions runner: escape sequences and control characters are left out; bytes that are no UTF-8,
/// C1 controls and characters that turn or hide text become U+FFFD; "##[" and a leading "::", which a runner takes for
/// commands (actions/runner, ActionCommand.cs), get a blank. Once is as good as twice.
std::string printable(std::string_view text);
/// The same for results, from which nothing may be lost: "\\", "\n" and "\r" as sha256sum writes them, the bytes of
/// everything else that `printable` changes as "\xNN". Equal to `text` where there is nothing to escape.
std::string escaped(std::string_view text);
/// A URL fit for messages: user information dropped, query values hidden.
std::string printable_url(std::string_view url);
/// The candidate closest to `word` if it is near enough for a typing error.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);
/// Quoted for a POSIX shell when it needs to be.
std::string shell_quoted(std::string_view word);

/// The text broken at blanks so that no line goes beyond `width` columns; it begins at `column`, and so does every
/// line.
std::string wrapped(std::string_view text, std::size_t column, std::size_t width);

/// The variable's value, or empty when it is unset or empty.
std::string environment(const char* name);

}  // namespace wasmx
