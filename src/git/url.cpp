// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
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

bool is_public_url(std::string_view text) {
    return scheme_of(text) == "http" || (is_url(text) && scheme_of(text) != "file");
}

std::string public_url(std::string_view url) {
    if (!scheme_of(url).empty()) return printable_url(url);
    const auto scp = as_scp_like(url);
    if (!scp) return printable(url);
    const std::string_view path = scp->path.starts_with('/') ? scp->path.substr(1) : scp->path;
    return printable(fmt::format("ssh://{}/{}", scp->host, path));
}

namespace {

// As git decodes user information; nullopt for what its credentials cannot hold. (git-credential, "INPUT/OUTPUT
// FORMAT": no newline, no NUL)
std::optional<std::string> decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned code = static_cast<unsigned char>(text[i]);
        if (text[i] == '%' && text.size() - i > 2) {
            const char* digits = text.data() + i + 1;
            unsigned escaped = 0;
            if (std::from_chars(digits, digits + 2, escaped, 16).ptr == digits + 2) {
                code = escaped;
                i += 2;
            }
        }
        if (code < 0x20 || code == 0x7f) return std::nullopt;
        out += static_cast<char>(code);
    }
    return out;
}

/// A URL with a scheme, cut where git cuts it.
struct Parts {
    std::string scheme;
    std::optional<std::string> user;  ///< as they stand there, percent-encoded
    std::optional<std::string> password;
    std::string host;  ///< with the port
    std::string rest;

    std::string without_user() const { return fmt::format("{}://{}{}", scheme, host, rest); }
};

Parts parts_of(const std::string& url) {
    Parts out{.scheme = std::string(scheme_of(url)), .user = {}, .password = {}, .host = {}, .rest = {}};
    const std::size_t begin = out.scheme.size() + 3;
    const std::size_t end = std::min(url.find_first_of("/?#", begin), url.size());
    out.host = url.substr(begin, end - begin);
    out.rest = url.substr(end);
    const auto at = out.host.rfind('@');
    if (at == std::string::npos) {
        // "user:pa/ss@host": what stands where a port belongs is the first half of a password.
        const auto colon = out.host.rfind(':');
        if (colon != std::string::npos && out.host.find_first_not_of("0123456789]", colon + 1) != std::string::npos &&
            out.rest.find('@') != std::string::npos)
            throw Error(Fault::usage, fmt::format("\"{}\" is no git URL: its port is no number", printable_url(url)),
                        "in a password / is written %2F");
        return out;
    }
    const std::string user = out.host.substr(0, at);
    out.host.erase(0, at + 1);
    const auto colon = user.find(':');
    out.user = user.substr(0, colon);
    if (colon != std::string::npos) out.password = user.substr(colon + 1);
    return out;
}

// Which of two helpers git asks first depends on where they are configured, so the user's own are forgotten where the
// password is known. Ours is asked for this host alone, also after a redirect. (gitcredentials, "CONFIGURATION
// OPTIONS": an empty helper)
void add_password(Remote& remote, const std::string& key, const std::string& user, const std::string& password) {
    remote.options = {"-c", key + ".helper=", "-c",
                      key + R"(.helper=!f() { test "$1" != get || printf 'username=%s\npassword=%s\n' )"
                            R"("$WASMX_GIT_USERNAME" "$WASMX_GIT_PASSWORD"; }; f)"};
    remote.env = {"WASMX_GIT_USERNAME=" + user, "WASMX_GIT_PASSWORD=" + password};
}

// The password is for the user's helpers to know; a name alone may be a token all the same. After what the user has
// configured so. (git-config, "GIT_CONFIG_COUNT")
void add_user(Remote& remote, const std::string& key, const std::string& user) {
    const std::uint64_t count = parse_number(environment("GIT_CONFIG_COUNT")).value_or(0);
    remote.env = {fmt::format("GIT_CONFIG_COUNT={}", count + 1),
                  fmt::format("GIT_CONFIG_KEY_{}={}.username", count, key),
                  fmt::format("GIT_CONFIG_VALUE_{}={}", count, user)};
}

}  // namespace

Remote remote_of(const std::string& url) {
    const bool is_folder = url.starts_with('/') || url.starts_with("./") || url.starts_with("../");
    if (!is_folder && !is_url(url))
        throw Error(Fault::usage, fmt::format("\"{}\" is no git URL", printable_url(url)),
                    "give one that begins with https://, ssh://, git://, file:// or user@host:, or a folder");
    Remote out{.url = url, .options = {}, .env = {}};
    if (is_folder || scheme_of(url).empty()) return out;
    const Parts parts = parts_of(url);
    if (!parts.user) return out;
    out.url = parts.without_user();
    // The user of ssh is no secret, and there is no password; git:// and file:// know neither.
    if (parts.scheme == "ssh") out.url = fmt::format("ssh://{}@{}{}", *parts.user, parts.host, parts.rest);
    if (parts.scheme != "https") return out;
    const auto user = decoded(*parts.user);
    const auto password = decoded(parts.password.value_or(""));
    if (!user || !password)
        throw Error(Fault::usage, fmt::format("the user name or password in \"{}\" has a control character", out.url),
                    "give the URL without them, and let a credential helper of git know them");
    const std::string key = "credential.https://" + parts.host;
    if (parts.password) {
        add_password(out, key, *user, *password);
    } else {
        add_user(out, key, *user);
    }
    return out;
}

bool is_commit_id(std::string_view text) noexcept {
    return text.size() == 40 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace wasmx::git
