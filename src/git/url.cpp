// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/text.hpp"
#include "git/git.hpp"
#include "git/program.hpp"

namespace wasmx::git {

namespace {

constexpr std::array<std::string_view, 4> schemes{"https", "ssh", "git", "file"};

std::string_view scheme_of(std::string_view url) {
    const auto end = url.find("://");
    return end == std::string_view::npos ? std::string_view() : url.substr(0, end);
}

/// `user@host:path`, which git reads as ssh. (git-clone, "GIT URLS": only without a slash before the first colon)
struct ScpLike {
    std::string_view host;
    std::string_view path;
};

std::optional<ScpLike> as_scp_like(std::string_view text) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos || text.find('/') < colon || text.substr(colon).starts_with("::"))
        return std::nullopt;
    const std::string_view before = text.substr(0, colon);
    const auto at = before.rfind('@');
    // git takes a bare `host:path` too, but so many other things look like that.
    if (at == std::string_view::npos || at == 0 || text.starts_with('-')) return std::nullopt;
    const ScpLike parts{before.substr(at + 1), text.substr(colon + 1)};
    if (parts.host.empty() || parts.host.starts_with('-') || parts.path.empty()) return std::nullopt;
    return parts;
}

}  // namespace

bool is_url(std::string_view text) {
    const std::string_view scheme = scheme_of(text);
    if (!scheme.empty()) return std::find(schemes.begin(), schemes.end(), scheme) != schemes.end();
    return as_scp_like(text).has_value();
}

std::string public_url(std::string_view url) {
    if (!scheme_of(url).empty()) return printable_url(url);
    const auto scp = as_scp_like(url);
    if (!scp) return printable(url);
    const std::string_view path = scp->path.starts_with('/') ? scp->path.substr(1) : scp->path;
    return printable(fmt::format("ssh://{}/{}", scp->host, path));
}

void check_url(const std::string& url) {
    const bool is_folder = url.starts_with('/') || url.starts_with("./") || url.starts_with("../");
    if (is_folder || is_url(url)) return;
    throw Error(Fault::usage, fmt::format("\"{}\" is no git URL", printable_url(url)),
                "give one that begins with https://, ssh://, git://, file:// or user@host:, or a folder");
}

bool is_commit_id(std::string_view text) noexcept {
    return text.size() == 40 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace wasmx::git
