// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace wasmx::credentials {

/// The certificates (PEM) of the authorities that Docker and podman trust for one registry alone, beside those that the
/// machine trusts for all: `*.crt` in certs.d/HOST[:PORT] of /etc/docker, /etc/containers and ~/.config/containers.
/// Empty when there are none. (docs.docker.com, "Verify repository client with certificates"; containers-certs.d(5))
std::string authorities_of(const std::string& host, int port);

}  // namespace wasmx::credentials
