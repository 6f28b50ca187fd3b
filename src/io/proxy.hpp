// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace wasmx::io {

/// Whether `no_proxy` (a value of $NO_PROXY) lists a host, so that it is asked without a proxy. As Go's clients read
/// it, hence docker: "HOST" and its subdomains, ".HOST" or "*.HOST" only the subdomains, each with ":PORT" for that
/// port alone; an address, or a block of them ("10.0.0.0/8"), for hosts that are written as addresses; "*" for all.
/// curl's own rule knows no ports. (golang.org/x/net/http/httpproxy)
bool is_listed(std::string_view no_proxy, std::string_view host, int port);

/// The value that counts: $NO_PROXY, else $no_proxy.
std::string no_proxy();
/// The variable that names a proxy for https, and is set; empty when there is none.
std::string_view proxy_variable();

}  // namespace wasmx::io
