// SPDX-License-Identifier: Apache-2.0
#include "io/url.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <memory>

#include "base/error.hpp"
#include "base/text.hpp"
#include "io/address.hpp"

namespace wasmx::io {

namespace {

struct FreeUrl {
    void operator()(CURLU* url) const noexcept { curl_url_cleanup(url); }
};
using UrlHandle = std::unique_ptr<CURLU, FreeUrl>;

// curl reads no further, so another URL would be judged than the one that was given.
bool has_nul(const std::string& text) { return text.find('\0') != std::string::npos; }

UrlHandle handle_of(const std::string& url) {
    UrlHandle handle(curl_url());
    if (handle == nullptr) throw std::bad_alloc();
    if (has_nul(url) || curl_url_set(handle.get(), CURLUPART_URL, url.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
        throw Error(Fault::unavailable, fmt::format("not a URL: \"{}\"", printable_url(url)));
    return handle;
}

std::string part(const UrlHandle& handle, CURLUPart which, unsigned flags = 0) {
    char* text = nullptr;
    if (curl_url_get(handle.get(), which, &text, flags) != CURLUE_OK) return {};
    std::string out(text);
    curl_free(text);
    return out;
}

// An empty one is one: curl sends it.
bool has(const UrlHandle& handle, CURLUPart which) {
    char* text = nullptr;
    const bool out = curl_url_get(handle.get(), which, &text, 0) == CURLUE_OK;
    curl_free(text);
    return out;
}

}  // namespace

Url Url::parse(const std::string& url) {
    const UrlHandle handle = handle_of(url);
    Url out;
    out.scheme = lower(part(handle, CURLUPART_SCHEME));
    out.host = lower(part(handle, CURLUPART_HOST));
    if (out.host.starts_with('[') && out.host.ends_with(']')) out.host = out.host.substr(1, out.host.size() - 2);
    const std::string port = part(handle, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    for (const char digit : port) out.port = out.port * 10 + (digit - '0');
    out.has_user = has(handle, CURLUPART_USER) || has(handle, CURLUPART_PASSWORD);
    return out;
}

std::string resolve_url(const std::string& base, const std::string& reference) {
    const UrlHandle handle = handle_of(base);
    if (has_nul(reference) || curl_url_set(handle.get(), CURLUPART_URL, reference.c_str(), 0) != CURLUE_OK)
        throw Error(Fault::unavailable, fmt::format("not a URL: \"{}\"", printable_url(reference)));
    return part(handle, CURLUPART_URL);
}

bool is_loopback(std::string_view host) {
    return host == "localhost" || scope_of_address(host) == AddressScope::loopback;
}

std::string percent_encoded(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           std::string_view("-._~").find(c) != std::string_view::npos;
        if (plain) {
            out += c;
        } else {
            fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
        }
    }
    return out;
}

}  // namespace wasmx::io
