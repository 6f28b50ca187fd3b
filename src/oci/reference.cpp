// SPDX-License-Identifier: Apache-2.0
#include "oci/reference.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"

namespace wasmx::oci {

namespace {

constexpr std::string_view docker_hub = "docker.io";
constexpr std::size_t longest_repository = 255;
constexpr std::size_t longest_tag = 128;

bool is_lower_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_word(char c) { return is_lower_alnum(c) || (c >= 'A' && c <= 'Z') || c == '_'; }

// [a-z0-9]+ joined by one of: . _ __ or any number of -
bool is_path_component(std::string_view text) {
    std::size_t i = 0;
    const auto run = [&](auto accepts) {
        const std::size_t from = i;
        while (i < text.size() && accepts(text[i])) ++i;
        return i - from;
    };
    for (;;) {
        if (run(is_lower_alnum) == 0) return false;
        if (i == text.size()) return true;
        if (text[i] == '.') {
            ++i;
        } else if (text[i] == '_') {
            if (run([](char c) { return c == '_'; }) > 2) return false;
        } else if (run([](char c) { return c == '-'; }) == 0) {
            return false;
        }
    }
}

bool is_tag(std::string_view text) {
    return !text.empty() && text.size() <= longest_tag && is_word(text[0]) &&
           std::all_of(text.begin(), text.end(), [](char c) { return is_word(c) || c == '.' || c == '-'; });
}

bool is_registry(std::string_view text) {
    std::string_view port;
    std::string_view host = text;
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == std::string_view::npos) return false;
        host = text.substr(1, close - 1);
        if (host.empty() || host.find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos) return false;
        const auto rest = text.substr(close + 1);
        if (rest.empty()) return true;
        if (rest[0] != ':') return false;
        port = rest.substr(1);
    } else {
        const auto colon = text.find(':');
        host = text.substr(0, colon);
        for (const auto label : split(host, '.')) {
            if (label.empty() || label.front() == '-' || label.back() == '-') return false;
            if (!std::all_of(label.begin(), label.end(), [](char c) { return (is_word(c) && c != '_') || c == '-'; }))
                return false;
        }
        if (colon == std::string_view::npos) return true;
        port = text.substr(colon + 1);
    }
    return !port.empty() && port.size() <= 5 && port.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

Reference Reference::parse(std::string_view text) {
    const auto fail = [&](std::string_view why) -> Error {
        return {Fault::usage, fmt::format("not an image reference: \"{}\": {}", printable(text), why),
                "an image reference looks like ghcr.io/kong/ngx-wasm-runtimes:v8-13.1.201.15-linux-arm64"};
    };
    Reference out;
    std::string_view rest = text;
    if (const auto at = rest.find('@'); at != std::string_view::npos) {
        out.digest_ = Digest::try_parse(rest.substr(at + 1));
        if (!out.digest_) throw fail("the digest after @ must be sha256: and 64 lower-case hex digits");
        rest = rest.substr(0, at);
    }
    const auto slash = rest.find('/');
    const auto head = rest.substr(0, slash);
    // The first part is a registry if it can be told from a name: a dot, a port, or localhost
    // (reference.splitDockerDomain).
    const bool has_registry = slash != std::string_view::npos && (head.find_first_of(".:") != std::string_view::npos ||
                                                                  head == "localhost" || lower(head) != head);
    if (has_registry) {
        if (!is_registry(head)) throw fail(fmt::format("\"{}\" is no registry host", printable(head)));
        out.registry_ = lower(head);
        rest = rest.substr(slash + 1);
    } else {
        out.registry_ = docker_hub;
    }
    if (const auto colon = rest.rfind(':'); colon != std::string_view::npos) {
        out.tag_ = std::string(rest.substr(colon + 1));
        if (!is_tag(*out.tag_))
            throw fail(
                "a tag has at most 128 letters, digits, dots, dashes and underscores, and starts with none of . -");
        rest = rest.substr(0, colon);
    }
    out.repository_ = std::string(rest);
    if (rest.empty()) throw fail("there is no repository name");
    for (const auto component : split(rest, '/')) {
        if (!is_path_component(component))
            throw fail(lower(component) != component ? "a repository name must be lower-case"
                                                     : "a repository name has lower-case letters and digits, "
                                                       "separated by single . _ / or dashes");
    }
    if (rest.size() > longest_repository) throw fail("a repository name has at most 255 characters");
    if (out.registry_ == "index.docker.io") out.registry_ = docker_hub;
    if (out.registry_ == docker_hub && out.repository_.find('/') == std::string::npos)
        out.repository_ = "library/" + out.repository_;
    return out;
}

std::string Reference::familiar_name() const {
    if (registry_ != docker_hub) return registry_ + "/" + repository_;
    return repository_.starts_with("library/") ? repository_.substr(8) : repository_;
}

std::string Reference::familiar() const {
    std::string out = familiar_name();
    if (tag_) out += ":" + *tag_;
    if (digest_) out += "@" + digest_->str();
    return out;
}

std::string Reference::str() const {
    std::string out = registry_ + "/" + repository_;
    if (tag_ || !digest_) out += ":" + tag_.value_or("latest");
    if (digest_) out += "@" + digest_->str();
    return out;
}

Reference Reference::with_tag(std::string tag) const {
    Reference out = *this;
    out.tag_ = std::move(tag);
    out.digest_.reset();
    return out;
}

Reference Reference::with_digest(const Digest& digest) const {
    Reference out = *this;
    out.digest_ = digest;
    return out;
}

std::string Reference::manifest_key() const { return digest_ ? digest_->str() : tag_.value_or("latest"); }

}  // namespace wasmx::oci
