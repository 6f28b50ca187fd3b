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
    const auto least = identity.podman ? engine::Release{4} : engine::Release{20, 10};
    if (release > engine::Release{} && release < least) {
        result.verdict = Verdict::fail;
        result.hint = "upgrade the engine; how an older one behaves is not known";
    }
    // Its profile answers clone3(2) with EPERM, where glibc 2.34 and later only take ENOSYS for "try the older one".
    // (moby 9f6b562dd1, in 20.10.10)
    const bool blocks_clone3 = !identity.podman && info.seccomp && release < engine::Release{20, 10, 10};
    if (result.verdict == Verdict::pass && release >= least && blocks_clone3) {
        result.verdict = Verdict::warn;
        result.observed += ": its seccomp profile does not know clone3";
        result.details.emplace_back(
            "programs of a base image with glibc 2.34 or later (Debian 12, Ubuntu 22.04) cannot start threads in it: "
            "\"Operation not permitted\"");
        result.hint = "upgrade the engine to 20.10.10 or later, or take a base image of an older distribution";
    }
    if (identity.newest_api != identity.api_version)
        result.details.push_back(fmt::format("API {} is spoken with it", identity.api_version));
    scene.engine.set(std::move(engine));
    scene.info.set(info);
}

}  // namespace wasmx::doctor
