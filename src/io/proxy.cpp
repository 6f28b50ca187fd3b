// SPDX-License-Identifier: Apache-2.0
#include "io/proxy.hpp"

#include <arpa/inet.h>

#include <array>
#include <cstdint>
#include <optional>

#include "base/text.hpp"

namespace wasmx::io {

namespace {

/// An address as its bits: 32 of IPv4, 128 of IPv6.
struct Address {
    std::array<std::uint8_t, 16> bytes{};
    unsigned bits = 0;
};

std::optional<Address> find_address(std::string_view text) {
    const std::string name(text);
    Address out;
    if (::inet_pton(AF_INET, name.c_str(), out.bytes.data()) == 1) {
        out.bits = 32;
    } else if (::inet_pton(AF_INET6, name.c_str(), out.bytes.data()) == 1) {
        out.bits = 128;
    } else {
        return std::nullopt;
    }
    return out;
}

bool agree(const Address& a, const Address& b, std::uint64_t bits) {
    if (a.bits != b.bits || bits > a.bits) return false;
    for (std::uint64_t bit = 0; bit < bits; ++bit)
        if (((a.bytes[bit / 8] ^ b.bytes[bit / 8]) >> (7 - bit % 8) & 1) != 0) return false;
    return true;
}

// "HOST:PORT", "[ADDRESS]:PORT"; an IPv6 address alone has no port.
std::string_view take_port(std::string_view& entry) {
    const auto colon = entry.rfind(':');
    const bool is_one = colon != std::string_view::npos && (entry.find(':') == colon || entry[colon - 1] == ']');
    const std::string_view port = is_one ? entry.substr(colon + 1) : std::string_view();
    if (is_one) entry = entry.substr(0, colon);
    if (entry.starts_with('[') && entry.ends_with(']')) entry = entry.substr(1, entry.size() - 2);
    return port;
}

bool matches(std::string_view entry, std::string_view host, const std::optional<Address>& address, int port) {
    if (entry == "*") return true;
    if (const auto slash = entry.find('/'); slash != std::string_view::npos) {
        const auto block = find_address(entry.substr(0, slash));
        const auto bits = parse_number(entry.substr(slash + 1));
        return address && block && bits && agree(*address, *block, *bits);
    }
    const std::string_view wanted_port = take_port(entry);
    if (!wanted_port.empty() && wanted_port != std::to_string(port)) return false;
    if (address) {
        const auto listed = find_address(entry);
        return listed && agree(*address, *listed, listed->bits);
    }
    if (entry.starts_with("*.")) entry.remove_prefix(1);
    if (entry.empty()) return false;
    if (entry.starts_with('.')) return host.ends_with(entry);
    return host == entry || host.ends_with("." + std::string(entry));
}

}  // namespace

bool is_listed(std::string_view no_proxy, std::string_view host, int port) {
    const std::string list = lower(no_proxy);
    std::string name = lower(host);
    if (name.ends_with('.')) name.pop_back();
    const auto address = find_address(name);
    for (const auto part : split(list, ','))
        if (const auto entry = trim(part); !entry.empty() && matches(entry, name, address, port)) return true;
    return false;
}

std::string no_proxy() {
    std::string upper = environment("NO_PROXY");
    return upper.empty() ? environment("no_proxy") : upper;
}

std::string_view proxy_variable() {
    for (const char* name : {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"})
        if (!environment(name).empty()) return name;
    return {};
}

}  // namespace wasmx::io
