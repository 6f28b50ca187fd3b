// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace wasmx::io {

/// The parts of a URL that decide who is spoken to.
struct Url {
    std::string scheme;
    std::string host;  ///< lower case, IPv6 without brackets
    int port = 0;      ///< the scheme's default where none is given
    bool has_user = false;

    /// Throws Fault::unavailable: URLs here come from servers.
    static Url parse(const std::string& url);
    bool same_origin(const Url& other) const {
        return scheme == other.scheme && host == other.host && port == other.port;
    }
};
/// `reference` (a Location, a realm) resolved against `base`; RFC 3986, 5.2.
std::string resolve_url(const std::string& base, const std::string& reference);
/// localhost, 127.0.0.0/8 or ::1
bool is_loopback(std::string_view host);
std::string percent_encoded(std::string_view text);

}  // namespace wasmx::io
