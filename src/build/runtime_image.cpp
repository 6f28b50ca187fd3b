// SPDX-License-Identifier: Apache-2.0
#include "build/runtime_image.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "build/dockerfile.hpp"
#include "build/run.hpp"
#include "engine/capacity.hpp"
#include "io/file.hpp"
#include "recipe/provenance.hpp"

namespace wasmx::build {

namespace {

constexpr const char* dockerfile_name = "Dockerfile";
constexpr const char* source_folder = "source";

// The Dockerfile, then the tree in a folder of its own: no file of it can be taken for the Dockerfile, and podman,
// which applies a .dockerignore at the top of a context by itself, finds none.
io::Body context_of(const source::Tree& tree, std::string dockerfile) {
    return {.size = {}, .open = [&tree, dockerfile = std::move(dockerfile)] {
                auto members = tree.members("", source_folder, source::Tree::Ignore::none);
                return io::tar_of([&tree, dockerfile, members, first = true]() mutable -> std::optional<io::TarMember> {
                    if (!std::exchange(first, false)) return members();
                    io::TarEntry entry{.path = dockerfile_name, .target = {}};
                    entry.size = dockerfile.size();
                    entry.mode = 0644;
                    entry.mtime = tree.date();
                    return io::TarMember{entry, [dockerfile] { return io::from_string(dockerfile); }};
                });
            }};
}

// In the order of images/runtime.sh.
std::vector<std::string> arguments_of(const recipe::Recipe& recipe, const source::Tree& tree, std::uint64_t jobs) {
    std::vector<std::string> out{std::string(name_of(recipe.runtime)),
                                 recipe.version,
                                 std::string(recipe.platform.asset_arch()),
                                 recipe.top_directory(),
                                 recipe.package_name(),
                                 std::to_string(jobs),
                                 std::to_string(tree.date())};
    for (const auto& [name, value] : recipe.script_environment()) out.push_back(fmt::format("{}={}", name, value));
    return out;
}

}  // namespace

std::map<std::string, std::string> labels_of(const recipe::Recipe& recipe, const source::Tree& tree,
                                             const BaseImage& base) {
    std::map<std::string, std::string> out;
    const auto add = [&](std::string_view name, std::string value) {
        if (!value.empty()) out.emplace(name, std::move(value));
    };
    std::string url = tree.url();
    if (url.ends_with(".git")) url.resize(url.size() - 4);  // ghcr.io links a package by the page's URL
    add("org.opencontainers.image.source", url);
    add(recipe::revision_label, tree.revision().value_or(""));
    add(recipe::version_label, recipe.version);
    add("org.opencontainers.image.created",
        fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(tree.date()))));
    add("org.opencontainers.image.title", fmt::format("ngx_wasm_module runtime: {} {} for {}", name_of(recipe.runtime),
                                                      recipe.version, recipe.platform.docker_platform()));
    add("org.opencontainers.image.licenses", "Apache-2.0");
    add(recipe::base_name_label, base.name);
    add(recipe::base_digest_label, base.digest);
    return out;
}

namespace {

// The tag that the Dockerfile names after FROM may have moved since the base image was inspected; then the labels are
// wrong. And podman 4.3 does not show ONBUILD triggers in its inspection.
void check_layers(engine::Engine& engine, const std::string& id, const BaseImage& base) {
    const auto image = engine.find_image(id);
    if (!image) throw Error(Fault::not_found, fmt::format("the engine built {} and has it no more", id));
    constexpr std::size_t ours = 2;
    const auto& layers = image->diff_ids;
    if (layers.size() == base.diff_ids.size() + ours &&
        std::equal(base.diff_ids.begin(), base.diff_ids.end(), layers.begin()))
        return;
    throw Error(
        Fault::integrity,
        fmt::format("{} has {} layers, and is not the {} of {} and {} more: the base image has ONBUILD triggers, "
                    "or was replaced while the build ran",
                    id, layers.size(), base.diff_ids.size(), base.name, ours),
        "`docker image history` shows what is in it; run the same command again, or name another with "
        "--base-image");
}

}  // namespace

std::string build_runtime(engine::Engine& engine, const RuntimeWanted& wanted, const source::Tree& tree,
                          const BaseImage& base, Progress& progress) {
    const engine::Capacity capacity = engine::capacity_of(engine.endpoint(), engine.info());
    const std::uint64_t jobs = recipe::fitting_jobs(capacity.processors, capacity.memory);
    const bool limited = jobs < capacity.processors;
    progress.note(fmt::format("compile jobs: {} ({} processors, {} of memory)", jobs, capacity.processors,
                              human_decimal_bytes(capacity.memory)));
    const engine::BuildRequest request{.tags = {wanted.tag},
                                       .dockerfile = dockerfile_name,
                                       .platform = wanted.recipe.platform.docker_platform(),
                                       .args = {},
                                       .labels = labels_of(wanted.recipe, tree, base),
                                       .no_cache = wanted.no_cache};
    const std::string dockerfile = runtime_dockerfile(base.from, arguments_of(wanted.recipe, tree, limited ? jobs : 0));
    return in_context("building " + wanted.tag, [&] {
        std::string id = run(engine, request, context_of(tree, dockerfile), progress);
        check_layers(engine, id, base);
        return id;
    });
}

artifact::Summary check_package(engine::Engine& engine, const std::string& image, const recipe::Recipe& recipe,
                                const std::filesystem::path& folder) {
    const std::string name = recipe.package_name();
    const std::string dist = recipe.package_path().substr(0, recipe.package_path().rfind('/'));
    const artifact::Contract contract = artifact::contract_of(recipe);
    std::optional<artifact::Summary> summary;
    std::optional<std::string> sum_file;
    std::optional<io::AtomicFile> file;
    if (!folder.empty()) {
        std::filesystem::create_directories(folder);
        file.emplace(folder / name);
    }
    engine.copy_out(image, dist, [&](io::TarReader& reader) {
        while (const auto entry = reader.next()) {
            const std::string base = entry->path.substr(entry->path.rfind('/') + 1);
            if (entry->type != io::TarEntry::Type::file) continue;
            if (base == name)
                summary = artifact::inspect(file ? io::teed(reader.member(), *file) : reader.member(), contract);
            if (base == name + ".sha256") sum_file = io::read_all(*reader.member(), 4096);
        }
    });
    if (!summary) throw Error(Fault::integrity, fmt::format("the image has no {}/{}", dist, name));
    if (!sum_file) throw Error(Fault::integrity, fmt::format("the image has no {}/{}.sha256", dist, name));
    artifact::check_sha256_file(*sum_file, name, summary->digest);
    if (file) {
        file->finish();
        io::AtomicFile beside(folder / (name + ".sha256"));
        beside.write(io::bytes_of(*sum_file));
        beside.finish();
    }
    return *summary;
}

}  // namespace wasmx::build
