// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "doctor/doctor.hpp"

namespace wasmx::doctor {

void engine_version(Scene& scene, Result& result) {
    result.required = "Docker 20.10 or podman 4.0, or later (API 1.40)";
    result.where = "/_ping, /info";
    auto engine = std::make_unique<engine::Engine>(scene.http, scene.endpoint.need(), scene.identity.need());
    const engine::Info info = engine->info();
    const engine::Identity& identity = engine->identity();
    result.observed =
        fmt::format("{} {}, API {}", identity.podman ? "podman" : "Docker", info.version, identity.newest_api);
    const auto release = engine::release_of(info.version);
    const auto least = identity.podman ? std::pair{4, 0} : std::pair{20, 10};
    if (release > std::pair{0, 0} && release < least) {
        result.verdict = Verdict::fail;
        result.mend = "upgrade the engine; how an older one behaves is not known";
    }
    if (identity.newest_api != identity.api_version)
        result.details.push_back(fmt::format("API {} is spoken with it", identity.api_version));
    scene.engine.set(std::move(engine));
    scene.info.set(info);
}

}  // namespace wasmx::doctor
