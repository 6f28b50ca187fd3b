// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "base/text.hpp"
#include "doctor/doctor.hpp"

namespace wasmx::doctor {

namespace {

// "32 GB" machines keep some for the kernel; 8 GB is what desktop engines give their virtual machine by default.
constexpr std::uint64_t plenty = 30'000'000'000;
constexpr std::uint64_t too_little = 9'000'000'000;

Verdict verdict_of(std::uint64_t memory, const std::optional<std::uint64_t>& least) {
    if (least) return memory >= *least ? Verdict::pass : Verdict::fail;
    if (memory >= plenty) return Verdict::pass;
    return memory > too_little ? Verdict::warn : Verdict::fail;
}

}  // namespace

void engine_memory(Scene& scene, Result& result) {
    const auto& least = scene.request.min_memory;
    const Measurement& measurement = scene.measurement();
    const engine::Capacity capacity = scene.capacity();
    const std::uint64_t jobs = recipe::fitting_jobs(capacity.processors, capacity.memory);
    result.required =
        least ? fmt::format("{} (--min-memory)", human_decimal_bytes(*least))
              : fmt::format("{}, more than {} at least", human_decimal_bytes(plenty), human_decimal_bytes(too_little));
    result.where = capacity.memory_from;
    result.figures = {{"memory_bytes", capacity.memory}, {"processors", capacity.processors}, {"jobs", jobs}};
    result.verdict = verdict_of(capacity.memory, least);
    result.observed = fmt::format("{}, {} {}: -j{} fits", human_decimal_bytes(capacity.memory), capacity.processors,
                                  capacity.processors == 1 ? "processor" : "processors", jobs);
    if (capacity.processors_from != capacity.memory_from)
        result.details.push_back(fmt::format("processors from {}", capacity.processors_from));
    if (!measurement.found)
        result.details.push_back("what the engine's containers may use of it is not measured: " + measurement.why_not);
    result.details.emplace_back("a compile job takes 2 GiB, and 2 GiB are left for the rest");
    if (result.verdict == Verdict::warn)
        result.hint = fmt::format("none needed: -j{} is used; a machine of 32 GB compiles on more processors", jobs);
    if (result.verdict == Verdict::fail)
        result.hint = capacity.memory_from == "/info"
                          ? "give the engine's machine more memory (a desktop engine's virtual machine: its settings), "
                            "or use a larger one"
                          : fmt::format("raise the limit in {}", capacity.memory_from);
}

}  // namespace wasmx::doctor
