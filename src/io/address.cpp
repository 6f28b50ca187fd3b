// SPDX-License-Identifier: Apache-2.0
#include "io/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

namespace wasmx::io {

namespace {

using Bytes = std::array<std::uint8_t, 16>;

struct Block {
    Bytes prefix;
    unsigned bits;
    AddressScope scope;
};

bool is_in(const Bytes& address, const Block& block) {
    for (unsigned bit = 0; bit < block.bits; ++bit) {
        const auto mask = static_cast<std::uint8_t>(0x80U >> bit % 8);
        if (((address[bit / 8] ^ block.prefix[bit / 8]) & mask) != 0) return false;
    }
    return true;
}

// The longer prefixes first.
constexpr std::array ipv4_blocks{
    Block{{0}, 8, AddressScope::none},  // "this host", which Linux takes for loopback (RFC 1122, 3.2.1.3)
    Block{{10}, 8, AddressScope::private_use},
    Block{{100, 64}, 10, AddressScope::private_use},  // shared by a provider's customers (RFC 6598)
    Block{{127}, 8, AddressScope::loopback},
    Block{{169, 254}, 16, AddressScope::none},
    Block{{172, 16}, 12, AddressScope::private_use},
    Block{{192, 0, 0}, 24, AddressScope::none},
    Block{{192, 0, 2}, 24, AddressScope::none},  // for documentation, as the next two
    Block{{198, 51, 100}, 24, AddressScope::none},
    Block{{203, 0, 113}, 24, AddressScope::none},
    Block{{192, 168}, 16, AddressScope::private_use},
    Block{{198, 18}, 15, AddressScope::private_use},  // test networks (RFC 2544)
    Block{{224}, 3, AddressScope::none},
};

constexpr std::array ipv6_blocks{
    Block{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128, AddressScope::loopback},
    Block{{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48, AddressScope::private_use},  // NAT64 of a site (RFC 8215)
    Block{{0x20, 0x01, 0x0d, 0xb8}, 32, AddressScope::none},                     // for documentation
    Block{{0x20}, 3, AddressScope::global},
    Block{{0xfc}, 7, AddressScope::private_use},
    Block{{0xfe, 0xc0}, 10, AddressScope::private_use},  // site-local, until RFC 3879
};

/// Where an IPv6 address carries an IPv4 one, which is who is spoken to in the end.
struct Embedding {
    Bytes prefix;
    unsigned bits;
    unsigned at;
};
constexpr std::array embeddings{
    Embedding{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, 12},  // mapped (RFC 4291, 2.5.5.2)
    Embedding{{0x00, 0x64, 0xff, 0x9b}, 96, 12},                    // NAT64 (RFC 6052)
    Embedding{{0x20, 0x02}, 16, 2},                                 // 6to4 (RFC 3056)
};

template <std::size_t count>
AddressScope find_scope(const Bytes& address, const std::array<Block, count>& blocks, AddressScope otherwise) {
    const auto found = std::find_if(blocks.begin(), blocks.end(), [&](const Block& b) { return is_in(address, b); });
    return found == blocks.end() ? otherwise : found->scope;
}

AddressScope scope_of_ipv4(const Bytes& address) { return find_scope(address, ipv4_blocks, AddressScope::global); }

AddressScope scope_of_ipv6(const Bytes& address) {
    for (const Embedding& one : embeddings) {
        if (!is_in(address, {one.prefix, one.bits, {}})) continue;
        Bytes inner{};
        std::copy_n(address.begin() + one.at, 4, inner.begin());
        return scope_of_ipv4(inner);
    }
    return find_scope(address, ipv6_blocks, AddressScope::none);
}

// In all spellings that resolvers take, so the last label decides. (WHATWG URL, "ends in a number checker")
bool is_address(std::string_view host) {
    if (host.find(':') != std::string_view::npos) return true;
    const auto last = host.substr(host.rfind('.') + 1);  // npos + 1 is 0
    return last.starts_with("0x") || last.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

AddressScope scope_of_address(std::string_view address) {
    if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
    const std::string text(address.substr(0, address.find('%')));  // without the zone (RFC 4007, 11)
    Bytes bytes{};
    if (::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return scope_of_ipv4(bytes);
    if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return scope_of_ipv6(bytes);
    return AddressScope::none;
}

std::optional<AddressScope> scope_of_host(std::string_view host) {
    if (host.ends_with('.')) host.remove_suffix(1);
    if (is_address(host)) return scope_of_address(host);
    if (host == "localhost" || host.ends_with(".localhost")) return AddressScope::loopback;  // (RFC 6761, 6.3)
    const auto is_of_site = [&](std::string_view domain) { return host.ends_with(domain); };
    // Without a dot: what the resolver's search list completes.
    if (host.find('.') == std::string_view::npos || is_of_site(".local") || is_of_site(".internal") ||
        is_of_site(".home.arpa"))
        return AddressScope::private_use;
    return std::nullopt;
}

bool may_lead_to(AddressScope from, AddressScope to) {
    return to == AddressScope::global || (from == to && to != AddressScope::none);
}

std::string_view name_of(AddressScope scope) {
    switch (scope) {
        case AddressScope::loopback: return "this machine";
        case AddressScope::private_use: return "a private network";
        case AddressScope::global: return "a public network";
        case AddressScope::none: break;
    }
    return "an address that no server has";
}

}  // namespace wasmx::io
