// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace wasmx::engine {

/// Where an engine listens, and who said so.
struct Endpoint {
    std::string socket;  ///< path of the Unix socket
    std::string origin;  ///< "--host", "DOCKER_HOST", "docker context \"x\"", "default socket", …
};

/// Finds the engine as the docker program does: `host` (of --host), $DOCKER_HOST, $DOCKER_CONTEXT, the current context
/// of $DOCKER_CONFIG/config.json, /var/run/docker.sock; then the sockets of rootless Docker, Docker Desktop and podman.
/// tcp:// and ssh:// are refused by name. Nothing there is Fault::unavailable, listing what was tried.
Endpoint locate(const std::string& host);

}  // namespace wasmx::engine
