// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "doctor/doctor.hpp"

namespace wasmx::doctor {

void engine_reachable(Scene& scene, Result& result) {
    result.required = "Docker, or podman's compatible service, on a Unix socket";
    result.where = "--host, DOCKER_HOST, the docker context, the usual sockets";
    const engine::Endpoint endpoint = engine::locate(scene.request.host);
    result.where = endpoint.origin;
    const engine::Identity identity = engine::ping(scene.http, endpoint);
    result.observed = fmt::format("{} answers at {}", identity.podman ? "podman" : "Docker", endpoint.socket);
    scene.endpoint.set(endpoint);
    scene.identity.set(identity);
}

}  // namespace wasmx::doctor
