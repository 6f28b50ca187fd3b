// SPDX-License-Identifier: Apache-2.0
#include "commands/builds.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "build/builds.hpp"
#include "engine/locate.hpp"
#include "io/file.hpp"

namespace wasmx::commands {

namespace {

namespace fs = std::filesystem;

engine::Engine engine_for(App& app, const Arguments& arguments) {
    return {app.http, engine::locate(arguments.text("--host"))};
}

std::uint64_t size_of(const fs::path& folder) {
    std::uint64_t out = 0;
    std::error_code error;
    for (const auto& entry :
         fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied, error))
        if (entry.is_regular_file(error)) out += entry.file_size(error);
    return out;
}

void tell_item(App& app, std::string_view kind, std::string_view name, const std::string& size,
               std::string_view created) {
    app.result(fmt::format("{:<13} {:>10}  {:<20}  {}", kind, size, created, name));
}

void engine_cache(App& app, const Arguments& arguments) {
    engine::Engine engine = engine_for(app, arguments);
    const auto items = build::list_kept(engine);
    if (arguments.has("--prune")) return build::prune(engine, items, app.progress);
    for (const auto& item : items)
        tell_item(app, item.kind, item.name, item.size ? human_bytes(*item.size) : "-", item.created);
}

void local_cache(App& app, const Arguments& arguments) {
    for (const auto& [name, kind] : {std::pair{"push", "layers"}, std::pair{"git", "git clones"}}) {
        const fs::path folder = io::cache_folder() / name;
        if (!fs::exists(folder)) continue;
        if (!arguments.has("--prune")) {
            tell_item(app, kind, folder.string(), human_bytes(size_of(folder)), "");
            continue;
        }
        fs::remove_all(folder);
        app.progress.note("removed " + folder.string());
    }
}

}  // namespace

void run_builds(App& app, const Arguments& arguments) {
    engine::Engine engine = engine_for(app, arguments);
    const auto builds = build::list_builds(engine);
    app.result(arguments.has("--json") ? build::json_of(builds) : build::text_of(builds));
}

void run_attach(App& app, const Arguments& arguments) {
    engine::Engine engine = engine_for(app, arguments);
    build::attach(engine, build::find_build(engine, arguments.operand), app.progress);
}

void run_cancel(App& app, const Arguments& arguments) {
    engine::Engine engine = engine_for(app, arguments);
    const auto build = build::find_build(engine, arguments.operand);
    if (build.state != build::Build::State::running)
        throw Error(Fault::failed, fmt::format("{} does not run: it ended with exit code {}", build.container.name,
                                               build.container.exit_code));
    constexpr std::chrono::seconds grace{10};
    engine::Containers(engine).stop(build.container.id, grace);
    app.progress.note(
        fmt::format("stopped; the work volume {} stays, and the same build goes on from there", build.volume));
    app.result(build.container.name);
}

void run_cache(App& app, const Arguments& arguments) {
    local_cache(app, arguments);
    engine_cache(app, arguments);
}

}  // namespace wasmx::commands
