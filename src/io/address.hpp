// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

namespace wasmx::io {

/// From where an address can be reached. (IANA's special-purpose address registries, RFC 6890)
enum class AddressScope {
    loopback,     ///< this machine
    private_use,  ///< the networks of this site
    global,       ///< everywhere
    none,         ///< no server has it: link-local (the metadata service of a cloud), unspecified, multicast, reserved
};

/// Of an IPv4 or IPv6 address; an address within an IPv6 one (mapped, NAT64, 6to4) counts. `none` for any other text.
AddressScope scope_of_address(std::string_view address);
/// What a host says of itself: an address, or a name that by convention is this machine's or this site's. nullopt: only
/// a resolver knows.
std::optional<AddressScope> scope_of_host(std::string_view host);
/// Whether a server in the one may lead us to a server in the other: everybody to the public, and besides only whoever
/// is there already. Anything else is a request that somebody outside makes inside, through us.
bool may_lead_to(AddressScope from, AddressScope to);
/// "a private network"
std::string_view name_of(AddressScope scope);

}  // namespace wasmx::io
