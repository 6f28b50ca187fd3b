// SPDX-License-Identifier: Apache-2.0
#include "engine/measure.hpp"

#include <fmt/format.h>

#include <optional>
#include <vector>

#include "base/text.hpp"
#include "images/data.hpp"

namespace wasmx::engine {

namespace {

// What a quota of CPU time in a period comes to: whole processors, rounded up; nullopt when it is no limit.
std::optional<std::uint64_t> processors_of_quota(std::optional<std::uint64_t> quota,
                                                 std::optional<std::uint64_t> period) {
    if (!quota || !period || *quota == 0 || *period == 0) return std::nullopt;
    return std::max<std::uint64_t>(1, (*quota + *period - 1) / *period);
}

std::string image_of(std::string_view program) {
    std::optional<io::TarMember> member{{.entry = {.path = "probe", .target = {}, .size = program.size(), .mode = 0755},
                                         .content = [program] { return io::from_string(std::string(program)); }}};
    const auto tar = io::tar_of([&member] { return std::exchange(member, std::nullopt); });
    return io::read_all(*tar, program.size() + (64 << 10));
}

void tighten(std::uint64_t& value, std::string& from, std::optional<std::uint64_t> limit, std::string_view file) {
    if (!limit || *limit >= value) return;
    value = *limit;
    from = fmt::format("{} of a cgroup that the engine's containers are in", file);
}

}  // namespace

Measured measured_by(std::string_view output, const Info& info) {
    Measured out;
    Capacity& capacity = out.capacity;
    capacity = {
        .memory = info.memory, .memory_from = "/info", .processors = info.processors, .processors_from = "/info"};
    std::optional<std::uint64_t> period;
    bool has_disk = false;
    for (const auto line : split(output, '\n')) {
        const auto words = split(trim(line), ' ');
        const auto number = [&](std::size_t at) { return at < words.size() ? parse_number(words[at]) : std::nullopt; };
        const std::string_view name = words[0];
        if (name == "disk" && number(1) && number(2)) {
            out.disk_size = *number(1);
            out.disk_free = *number(2);
            has_disk = true;
        } else if (name == "clock") {
            out.clock = static_cast<std::int64_t>(number(1).value_or(0));
        } else if (name == "processors") {
            if (const auto count = number(1); count && *count > 0) {
                capacity.processors = *count;
                capacity.processors_from = "a container of the engine";
            }
        } else if (name == "memory.max" || name == "memory.limit_in_bytes") {
            tighten(capacity.memory, capacity.memory_from, number(1), name);
        } else if (name == "cpu.max") {
            tighten(capacity.processors, capacity.processors_from, processors_of_quota(number(1), number(2)), name);
        } else if (name == "cpu.cfs_period_us") {
            period = number(1);
        } else if (name == "cpu.cfs_quota_us") {
            tighten(capacity.processors, capacity.processors_from, processors_of_quota(number(1), period), name);
        }
    }
    if (!has_disk)
        throw Error(Fault::failed,
                    "a container of the engine says nothing of its disk: " + printable(clipped(trim(output), 200)));
    return out;
}

Measured measure(Engine& engine, const Info& info) {
    const oci::Platform ours = oci::Platform::of_this_machine();
    if (info.platform() != ours)
        throw Error(Fault::failed, fmt::format("the engine runs programs for {}, and this one is for {}",
                                               info.platform().docker_platform(), ours.docker_platform()));
    const std::string id = engine.import_image(io::body_of(image_of(images::probe_program())));
    struct Removal {
        ~Removal() { engine.remove_image(id); }
        Engine& engine;
        const std::string& id;
    } const removal{engine, id};
    const auto run = [&](Engine::Sees sees) {
        const CommandOutcome outcome = engine.run_command(id, {"/probe"}, sees);
        return measured_by(outcome.output, info);
    };
    try {
        return run(Engine::Sees::machine);
    } catch (const Error& error) {
        // Mounts and the machine's cgroups are more than some engines allow; the rest can be seen without.
        if (error.fault() == Fault::interrupted || error.fault() == Fault::unavailable) throw;
        return run(Engine::Sees::itself);
    }
}

}  // namespace wasmx::engine
