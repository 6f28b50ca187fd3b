// SPDX-License-Identifier: Apache-2.0
#include "base/text.hpp"
#include "doctor/doctor.hpp"

namespace wasmx::doctor {

void engine_builder(Scene& scene, Result& result) {
    result.required = "BuildKit, or else the classic builder";
    result.where = "/_ping, /info, DOCKER_BUILDKIT";
    const engine::Identity& identity = scene.identity.need();
    const engine::Info& info = scene.info.need();
    if (engine::choose_builder(identity, info) == engine::Builder::buildkit) {
        result.observed = "BuildKit";
        return;
    }
    const std::string wish = environment("DOCKER_BUILDKIT");
    if (identity.podman) {
        result.observed = "podman's own";
        result.details.emplace_back("podman cannot stop a build: after Ctrl-C the step of the moment runs to its end");
    } else if (identity.buildkit && wish != "1" && !wish.empty()) {
        result.observed = "the classic builder, as DOCKER_BUILDKIT says";
    } else if (identity.buildkit) {
        result.observed = "the classic builder: BuildKit over containerd's image store loses the context before 27.5";
        result.hint = "upgrade the engine to 27.5 or later";
    } else {
        result.observed = "the classic builder: the engine is set up for it";
    }
    const bool in_vain = wish == "1";
    if (!in_vain) return;
    result.verdict = Verdict::warn;
    result.observed += ", although DOCKER_BUILDKIT=1 asks for BuildKit";
    if (result.hint.empty()) result.hint = "unset DOCKER_BUILDKIT, or use an engine that has BuildKit";
}

}  // namespace wasmx::doctor
