// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "base/text.hpp"
#include "doctor/doctor.hpp"
#include "engine/space.hpp"

namespace wasmx::doctor {

namespace {

constexpr std::uint64_t least_size = 30'000'000'000;
constexpr std::uint64_t plenty_free = 20'000'000'000;
constexpr std::uint64_t least_free = 10'000'000'000;

Verdict verdict_of(const engine::Space& space, const std::optional<std::uint64_t>& least) {
    if (least) return space.free >= *least ? Verdict::pass : Verdict::fail;
    if (space.size >= least_size && space.free >= plenty_free) return Verdict::pass;
    return space.free >= least_free ? Verdict::warn : Verdict::fail;
}

engine::Space space_of(Scene& scene) {
    const engine::Info& info = scene.info.need();
    if (auto space = engine::find_local_space(scene.endpoint.need(), info)) return *std::move(space);
    if (scene.request.touch == Request::Touch::nothing)
        throw Skip{"the engine's disk cannot be seen from here, and a dry run starts no container to look"};
    // Only an image whose programs the build will run anyway, and one that runs here.
    const auto* base = scene.base.find();
    if (base == nullptr || !*base || (*base)->id.empty())
        throw Skip{
            "the engine's disk cannot be seen from here, and the base image, in which `df` would be run, is not on the "
            "engine yet: pull or build it first, or run `df` on the engine's machine"};
    if (scene.platform.need() != info.platform())
        throw Skip{
            "the engine's disk cannot be seen from here, and the base image, in which `df` would be run, is for "
            "another kind of machine: run `df` on the engine's machine"};
    try {
        return engine::space_in_container(*scene.engine.need(), (*base)->id);
    } catch (const Error& error) {
        if (error.fault() == Fault::interrupted) throw;
        throw Skip{"the engine's disk cannot be seen from here: " + error.message()};
    }
}

}  // namespace

void engine_disk(Scene& scene, Result& result) {
    const auto& least = scene.request.min_disk;
    result.required =
        least ? fmt::format("{} free (--min-disk)", human_decimal_bytes(*least))
              : fmt::format("{}, {} of it free", human_decimal_bytes(least_size), human_decimal_bytes(plenty_free));
    result.where = scene.info.need().root;
    const engine::Space space = space_of(scene);
    result.where = space.from;
    result.figures = {{"size_bytes", space.size}, {"free_bytes", space.free}};
    result.observed = fmt::format("{} free of {}", human_decimal_bytes(space.free), human_decimal_bytes(space.size));
    result.verdict = verdict_of(space, least);
    if (result.verdict == Verdict::pass) return;
    result.details.emplace_back("V8's tree takes 2 to 16 GB, and the image as much again");
    result.mend = "`docker system df` shows what can go, `docker system prune` frees it; or enlarge the disk";
}

}  // namespace wasmx::doctor
