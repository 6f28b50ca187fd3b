// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "base/text.hpp"
#include "doctor/doctor.hpp"
#include "engine/container.hpp"

namespace wasmx::doctor {

namespace {

constexpr std::uint64_t least_size = 30'000'000'000;
constexpr std::uint64_t plenty_free = 20'000'000'000;

Verdict verdict_of(const engine::Measured& measured, std::uint64_t kept, const Request& request) {
    const std::uint64_t free = measured.disk_free + kept;
    if (request.min_disk) return free >= *request.min_disk ? Verdict::pass : Verdict::fail;
    if (measured.disk_size >= least_size && free >= plenty_free) return Verdict::pass;
    return free >= least_free_disk ? Verdict::warn : Verdict::fail;
}

// What an earlier build has left in the work volume, which this one needs no room for.
std::uint64_t kept_work(Scene& scene) {
    const oci::Platform platform = scene.request.platform ? *scene.request.platform : scene.info.need().platform();
    const std::string name = recipe::Recipe{scene.request.runtime, {}, platform}.work_volume();
    for (const engine::Volume& volume : engine::Containers(*scene.engine.need()).volumes(name))
        if (volume.name == name) return volume.size.value_or(0);
    return 0;
}

}  // namespace

// Where images and containers are stored, /info does not tell: with containerd's store it names another folder.
void engine_disk(Scene& scene, Result& result) {
    const auto& least = scene.request.min_disk;
    result.required =
        least ? fmt::format("{} free (--min-disk)", human_decimal_bytes(*least))
              : fmt::format("{}, {} of it free", human_decimal_bytes(least_size), human_decimal_bytes(plenty_free));
    (void)scene.info.need();
    result.where = "the root of a container of the engine";
    const Measurement& measurement = scene.measurement();
    if (!measurement.found) throw Skip{"the engine's disk is not measured: " + measurement.why_not};
    const engine::Measured& measured = *measurement.found;
    result.figures = {{"size_bytes", measured.disk_size}, {"free_bytes", measured.disk_free}};
    result.observed =
        fmt::format("{} free of {}", human_decimal_bytes(measured.disk_free), human_decimal_bytes(measured.disk_size));
    result.verdict = verdict_of(measured, 0, scene.request);
    if (result.verdict == Verdict::pass) return;
    if (const std::uint64_t kept = kept_work(scene); kept > 0) {
        result.figures["work_bytes"] = kept;
        result.observed +=
            fmt::format(", and {} of the build are in its work volume already", human_decimal_bytes(kept));
        result.verdict = verdict_of(measured, kept, scene.request);
        if (result.verdict == Verdict::pass) return;
    }
    result.details.emplace_back("V8's tree takes 2 to 16 GB, and the image as much again");
    result.hint = "`docker system df` shows what can go, `docker system prune` frees it; or enlarge the disk";
}

}  // namespace wasmx::doctor
