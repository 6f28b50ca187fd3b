// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "io/http.hpp"

namespace wasmx::credentials {

/// What Docker and podman keep for TLS with one registry alone, in certs.d/HOST[:PORT] of /etc/docker, /etc/containers,
/// ~/.config/containers and ~/.config/docker: `*.crt` are authorities that are trusted there beside the machine's,
/// `NAME.cert` and `NAME.key` the client's certificate and its key. A certificate without its key is Fault::config, as
/// for Docker. (docs.docker.com, "Verify repository client with certificates"; containers-certs.d(5))
io::TlsFiles tls_files_of(const std::string& host, int port);

}  // namespace wasmx::credentials
