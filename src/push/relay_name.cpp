// SPDX-License-Identifier: Apache-2.0
#include "push/relay_name.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <random>

#include "base/text.hpp"

namespace wasmx::push {

namespace {

constexpr std::string_view host = "127.0.0.1:";
constexpr std::string_view folder = "wasmx-image/";
constexpr std::string_view tag = "push";
constexpr std::size_t token_digits = 32;

bool is_token(std::string_view text) {
    return text.size() == token_digits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_listening(std::uint16_t port, io::HttpClient& http) {
    try {
        const auto answer = http.send({.method = "GET",
                                       .url = fmt::format("http://{}{}/v2/", host, port),
                                       .idle_limit = std::chrono::seconds(2)});
    } catch (const io::TransportError& error) {
        return error.kind() != io::TransportError::Kind::connect;
    }
    return true;
}

}  // namespace

std::string new_relay_repository() {
    std::random_device device;
    std::string token;
    while (token.size() < token_digits) token += fmt::format("{:08x}", device());
    return std::string(folder) + token;
}

oci::Reference relay_name(std::uint16_t port, const std::string& repository) {
    return oci::Reference::parse(fmt::format("{}{}/{}:{}", host, port, repository, tag));
}

std::optional<std::uint16_t> relay_port(std::string_view name) {
    if (!name.starts_with(host)) return std::nullopt;
    name.remove_prefix(host.size());
    const auto slash = name.find('/');
    const auto port = parse_number(name.substr(0, slash));
    if (slash == std::string_view::npos || !port || *port > std::numeric_limits<std::uint16_t>::max())
        return std::nullopt;
    name.remove_prefix(slash + 1);
    const auto colon = name.rfind(':');
    if (!name.starts_with(folder) || colon == std::string_view::npos || name.substr(colon + 1) != tag ||
        !is_token(name.substr(folder.size(), colon - folder.size())))
        return std::nullopt;
    return static_cast<std::uint16_t>(*port);
}

HeldName::HeldName(engine::Engine& engine, const std::string& image, oci::Reference name)
    : engine_(engine), name_(std::move(name)) {
    engine_.tag(image, name_);
}

void remove_strays(engine::Engine& engine, io::HttpClient& http, const std::vector<std::string>& names) noexcept {
    try {
        for (const std::string& name : names) {
            const auto port = relay_port(name);
            if (port && !is_listening(*port, http)) engine.untag(oci::Reference::parse(name));
        }
    } catch (...) {  // a name too many does no harm
    }
}

void remove_all_strays(engine::Engine& engine, io::HttpClient& http) noexcept {
    try {
        remove_strays(engine, http, engine.image_tags(fmt::format("{}*/{}*", host, folder)));
    } catch (...) {
    }
}

}  // namespace wasmx::push
