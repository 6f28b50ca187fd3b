// SPDX-License-Identifier: Apache-2.0
#include "build/builds.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/text.hpp"
#include "build/key.hpp"
#include "build/watch.hpp"
#include "io/json.hpp"

namespace wasmx::build {

namespace {

std::string label_of(const engine::ContainerState& container, const char* label) {
    const auto found = container.labels.find(label);
    return found == container.labels.end() ? std::string() : found->second;
}

std::string_view name_of(Build::State state) {
    switch (state) {
        case Build::State::running: return "running";
        case Build::State::finished: return "finished";
        case Build::State::failed: break;
    }
    return "failed";
}

Build::State state_of(const engine::ContainerState& container) {
    if (container.is_running() || container.is_new()) return Build::State::running;
    return container.exit_code == 0 ? Build::State::finished : Build::State::failed;
}

// "2026-11-28T06:55:35.316200227Z" without the fraction.
std::string brief_time(const std::string& time) {
    const auto dot = time.find('.');
    return dot == std::string::npos ? time : time.substr(0, dot) + "Z";
}

std::string size_text(const std::optional<std::uint64_t>& size) { return size ? human_bytes(*size) : "-"; }

}  // namespace

std::vector<Build> list_builds(engine::Engine& engine) {
    engine::Containers containers(engine);
    std::vector<Build> out;
    for (auto& container : containers.list(key_label)) {
        Build build{.container = std::move(container), .volume_size = {}};
        build.state = state_of(build.container);
        build.key = label_of(build.container, key_label);
        build.volume = label_of(build.container, volume_label);
        build.step = containers.last_line(build.container.id);
        out.push_back(std::move(build));
    }
    if (!out.empty())
        for (const engine::Volume& volume : containers.volumes(std::string(recipe::work_volume_prefix)))
            for (Build& build : out)
                if (build.volume == volume.name) build.volume_size = volume.size;
    std::stable_sort(out.begin(), out.end(), [](const Build& a, const Build& b) { return a.state < b.state; });
    return out;
}

Build find_build(engine::Engine& engine, const std::string& id) {
    auto all = list_builds(engine);
    const auto named = [&](const Build& build) { return build.container.name == id || build.key == id; };
    const auto running = [](const Build& build) { return build.state == Build::State::running; };
    std::vector<Build> found;
    if (!id.empty()) {
        std::copy_if(all.begin(), all.end(), std::back_inserter(found), named);
    } else {
        std::copy_if(all.begin(), all.end(), std::back_inserter(found), running);
        if (found.empty()) found = all;
    }
    if (found.size() == 1) return std::move(found.front());
    if (all.empty())
        throw Error(Fault::not_found, "there are no builds on this engine", "`wasmx-image build` starts one");
    std::vector<std::string> names(all.size());
    std::transform(all.begin(), all.end(), names.begin(), [](const Build& build) { return build.container.name; });
    throw Error(id.empty() ? Fault::usage : Fault::not_found,
                id.empty() ? fmt::format("there are {} builds, and no ID says which", found.size())
                           : fmt::format("there is no build {}", printable(id)),
                fmt::format("the builds are {}", fmt::join(names, ", ")));
}

void attach(engine::Engine& engine, const Build& build, Progress& progress) {
    engine::Containers containers(engine);
    ScriptOutput output;
    std::optional<engine::ContainerState> state;
    try {
        state = watch(containers, build.container.id, {.title = build.container.name}, output, progress);
    } catch (const Error& error) {
        if (error.fault() != Fault::interrupted) throw;
        throw Error(Fault::interrupted, fmt::format("stopped watching; {} goes on", build.container.name),
                    fmt::format("`wasmx-image cancel {}` stops it", build.container.name));
    }
    if (state && state->exit_code != 0) throw failure_of(*state, output);
    if (!state && !output.is_done())
        throw Error(Fault::failed, fmt::format("the container {} was removed while it ran", build.container.name),
                    "run the `wasmx-image build` command again: it goes on where the build stopped");
    progress.note(
        "the package is built; the `wasmx-image build` command that started this takes it, and pushes it with --push");
}

std::string text_of(const std::vector<Build>& builds) {
    if (builds.empty()) return "no builds";
    std::string out = fmt::format("{:<9} {:<20} {:<54} {:>10}  {}", "STATE", "SINCE", "NAME", "VOLUME", "STEP");
    for (const Build& build : builds) {
        const std::string since =
            build.state == Build::State::running ? build.container.started_at : build.container.finished_at;
        const std::string exit =
            build.state == Build::State::failed ? fmt::format("exit code {}: ", build.container.exit_code) : "";
        out += fmt::format("\n{:<9} {:<20} {:<54} {:>10}  {}{}", name_of(build.state), brief_time(since),
                           build.container.name, size_text(build.volume_size), exit, clipped(build.step, 100));
    }
    return out;
}

std::string json_of(const std::vector<Build>& builds) {
    auto out = nlohmann::ordered_json::array();
    for (const Build& build : builds) {
        nlohmann::ordered_json row{{"name", build.container.name},
                                   {"key", build.key},
                                   {"state", name_of(build.state)},
                                   {"started", build.container.started_at},
                                   {"finished", nullptr},
                                   {"exit_code", nullptr},
                                   {"step", build.step},
                                   {"volume", build.volume},
                                   {"volume_bytes", nullptr}};
        if (build.state != Build::State::running) {
            row["finished"] = build.container.finished_at;
            row["exit_code"] = build.container.exit_code;
        }
        if (build.volume_size) row["volume_bytes"] = *build.volume_size;
        out.push_back(std::move(row));
    }
    return io::json_text(out, 2);
}

std::vector<KeptItem> list_kept(engine::Engine& engine) {
    engine::Containers containers(engine);
    std::vector<KeptItem> out;
    for (const engine::Volume& volume : containers.volumes(std::string(recipe::work_volume_prefix)))
        out.push_back({volume.name, "work volume", volume.size, brief_time(volume.created_at)});
    for (const std::string& tag : engine.image_tags(std::string(source_image_name) + ":*")) {
        const auto image = engine.find_image(tag);
        if (!image) continue;
        KeptItem item{.name = tag, .kind = "source image", .size = {}, .created = brief_time(image->created)};
        if (const auto sizes = engine.history_sizes(tag); !sizes.empty()) item.size = sizes.front();
        out.push_back(std::move(item));
    }
    return out;
}

void prune(engine::Engine& engine, const std::vector<KeptItem>& items, Progress& progress) {
    engine::Containers containers(engine);
    for (const Build& build : list_builds(engine))
        if (build.state == Build::State::failed) containers.remove(build.container.id);
    for (const KeptItem& item : items) {
        try {
            if (item.kind == "work volume") {
                containers.remove_volume(item.name);
            } else {
                engine.untag(oci::Reference::parse(item.name));
                if (engine.find_image(item.name)) throw Error(Fault::failed, "a container of it is there");
            }
            progress.note("removed " + item.name);
        } catch (const Error& error) {
            if (error.fault() == Fault::interrupted) throw;
            progress.warn(fmt::format("{} stays: {}", item.name, error.message()));
        }
    }
}

}  // namespace wasmx::build
