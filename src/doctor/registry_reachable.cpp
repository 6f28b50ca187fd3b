// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "doctor/doctor.hpp"

namespace wasmx::doctor {

void registry_reachable(Scene& scene, Result& result) {
    const std::string& registry = scene.request.registry_name().registry();
    result.required = "an answer to GET /v2/";
    result.where = registry;
    registry::Greeting greeting = registry::greet(scene.http, registry);
    result.where = greeting.origin + "/v2/";
    result.observed =
        fmt::format("{} answers{}", greeting.origin, greeting.status == 200 ? ", and asks nobody who he is" : "");
    result.details.push_back(fmt::format("HTTP {}", greeting.status));
    scene.greeting.set(std::move(greeting));
}

}  // namespace wasmx::doctor
