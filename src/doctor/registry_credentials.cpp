// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "doctor/doctor.hpp"
#include "registry/error.hpp"

namespace wasmx::doctor {

void registry_credentials(Scene& scene, Result& result) {
    const oci::Reference& name = scene.request.registry_name();
    const std::string& registry = name.registry();
    result.required = fmt::format("a login for {}", registry);
    result.where = "DOCKER_AUTH_CONFIG, docker's config.json, podman's auth.json";
    auto found = credentials::find(registry, name.repository(), scene.stop,
                                   [&](const std::string& line) { result.details.push_back(line); });
    if (found) {
        result.where = found->origin;
        const std::string who = found->username.empty() ? "a token" : "user " + found->username;
        result.observed = fmt::format("{}, from {}", who, found->origin);
    } else if (const auto* greeting = scene.greeting.find(); greeting != nullptr && greeting->status == 200) {
        result.observed = "none, and none are needed";
    } else {
        throw Error(Fault::denied, fmt::format("there are no credentials for {}", registry),
                    registry::login_command(registry));
    }
    scene.credential.set(std::move(found));
}

}  // namespace wasmx::doctor
