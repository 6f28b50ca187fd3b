// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "doctor/doctor.hpp"

namespace wasmx::doctor {

void engine_platform(Scene& scene, Result& result) {
    result.where = "/info";
    // Known whatever the engine is, so that names can be told.
    const auto& asked = scene.request.platform;
    if (asked) scene.platform.set(*asked);
    result.required = asked ? fmt::format("{}, native", asked->docker_platform()) : "linux/amd64 or linux/arm64";
    const oci::Platform native = scene.info.need().platform();
    result.observed = native.docker_platform();
    if (!asked) return scene.platform.set(native);
    if (*asked == native) return;
    const bool is_allowed = scene.request.emulation == Request::Emulation::allow;
    result.verdict = is_allowed ? Verdict::warn : Verdict::fail;
    result.observed =
        fmt::format("the engine's machine is {}, and {} is wanted: under emulation V8 takes more than 6 hours",
                    native.docker_platform(), asked->docker_platform());
    result.hint = fmt::format("use an engine on a {} machine{}", asked->docker_arch(),
                              is_allowed ? "" : ", or insist with --allow-emulation");
}

}  // namespace wasmx::doctor
