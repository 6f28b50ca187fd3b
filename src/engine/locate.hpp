// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/secret.hpp"

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

/// "HTTP_PROXY" and "http_proxy" and so on, for what runs in containers of an engine: those of `proxies` in
/// $DOCKER_CONFIG/config.json, for that engine or "default". (docs.docker.com, "Configure the CLI to use a proxy
/// server") With `use`, those of our own environment win.
using Proxies = std::vector<std::pair<std::string, Secret>>;
enum class ProxyEnvironment { ignore, use };
Proxies proxies_for(const Endpoint& endpoint, ProxyEnvironment environment_use);

}  // namespace wasmx::engine
