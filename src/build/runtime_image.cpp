// SPDX-License-Identifier: Apache-2.0
#include "build/runtime_image.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <thread>

#include "base/text.hpp"
#include "build/package.hpp"
#include "build/watch.hpp"
#include "engine/container.hpp"
#include "images/data.hpp"
#include "io/file.hpp"
#include "recipe/provenance.hpp"

namespace wasmx::build {

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

constexpr const char* source_folder = "wasmx";
constexpr std::chrono::seconds grace{10};

// A container may get more open files than the engine gives by default, which can be 1,024; or not, where the engine
// has no right to (rootless); and podman's defaults are above what it may set where its own limits are capped.
struct ProcessLimits {
    std::uint64_t files;
    std::uint64_t processes;
};
constexpr std::array process_limits{ProcessLimits{65536, 0}, ProcessLimits{0, 0}, ProcessLimits{4096, 4096}};

/// One build: what is on the engine decides what is done next.
class RuntimeBuild {
public:
    RuntimeBuild(engine::Engine& engine, const BuildOptions& options, const source::Tree& tree, const BaseImage& base,
                 Progress& progress)
        : engine_(engine),
          containers_(engine),
          options_(options),
          tree_(tree),
          base_(base),
          progress_(progress),
          labels_(labels_of(options.recipe, tree, base)),
          key_(key_of(options.recipe, tree, base.id, labels_, options.depot_tools)) {}

    BuildResult run() {
        containers_.remove_forgotten();
        bool may_reuse = !options_.no_cache && !options_.fresh;
        if (auto result = may_reuse ? find_result() : std::nullopt) {
            progress_.note(fmt::format("image:   {} is built already (key {})", options_.tag.familiar(), key_.text));
            // Of a client that was killed between the two.
            if (const auto left = containers_.find(key_.container); left && !left->is_running())
                containers_.remove(left->id);
            return *result;
        }
        constexpr int most_rounds = 5;  // another client may finish, remove or start the same build meanwhile
        for (int round = 0; round < most_rounds; ++round) {
            auto state = containers_.find(key_.container);
            if (state && !state->is_running() && !state->is_new() && (state->exit_code != 0 || !may_reuse)) {
                containers_.remove(state->id);
                state.reset();
            }
            if (state && state->is_running() && options_.fresh && round == 0)
                throw Error(Fault::failed, fmt::format("the same build is running (container {})", key_.container),
                            fmt::format("`wasmx-image cancel {}` stops it; without --fresh this command joins it",
                                        key_.container));
            // A client was killed between making it and starting it, or is about to start it.
            if (state && state->is_new() && start_refusal(state->id)) {
                containers_.remove(state->id);
                state.reset();
            }
            std::string id;
            if (!state) {
                const auto made = start();
                if (!made) continue;
                id = *made;
            } else {
                id = state->id;
                is_ours_ = state->is_new();
                if (state->is_running())
                    progress_.note(fmt::format("this build is running since {}: joining it", state->started_at));
            }
            if (options_.detach) return {.image_id = {}, .container = key_.container};
            if (auto result = follow(id)) return *result;
            may_reuse = true;
        }
        throw Error(Fault::failed, fmt::format("the container {} is removed again and again", key_.container),
                    "see who else builds on this engine: `wasmx-image builds`");
    }

private:
    // An image under our name that this very build made.
    std::optional<BuildResult> find_result() {
        const auto image = engine_.find_image(options_.tag.familiar());
        if (!image || image->comment != key_.comment) return std::nullopt;
        return BuildResult{.image_id = image->id,
                           .package = check_package(engine_, image->id, options_.recipe, options_.output)};
    }

    std::string ensure_source_image() {
        const std::string name = key_.source_image.familiar();
        if (const auto image = engine_.find_image(name)) return image->id;
        const auto base = engine_.find_image(base_.id);
        if (!base) throw Error(Fault::not_found, fmt::format("the engine has the base image {} no more", base_.name));
        const auto task = progress_.task("source layer", 0);
        const io::Body archive{.size = {}, .open = [this] {
                                   return io::tar_of(tree_.members("", source_folder, source::Tree::Ignore::none));
                               }};
        std::string id = in_context("making the source image " + name, [&] {
            return containers_.add_layer(*base, archive, {}, key_.source_image,
                                         fmt::format("{}source", recipe::step_comment));
        });
        task->done("done");
        return id;
    }

    // The order of images/runtime.sh.
    std::vector<std::string> command(std::uint64_t processors) const {
        const recipe::Recipe& recipe = options_.recipe;
        const recipe::RuntimeFacts& facts = recipe::facts_of(recipe.runtime);
        return {"/bin/bash",
                "-pc",
                std::string(images::runtime_script()),
                "wasmx-image",
                std::string(name_of(recipe.runtime)),
                recipe.version,
                std::string(recipe.platform.asset_arch()),
                recipe.top_directory(),
                recipe.package_name(),
                std::to_string(processors),
                std::to_string(options_.disk),
                std::to_string(tree_.date()),
                options_.fresh ? "fresh" : "keep",
                std::string(images::consumer_program()),
                fmt::format("{}", fmt::join(facts.compile_flags, " ")),
                fmt::format("{}", fmt::join(facts.link_line, " ")),
                options_.depot_tools};
    }

    // On how many processors the script runs; 0: all that there are.
    std::uint64_t fitting_processors() const {
        const engine::Capacity& capacity = options_.capacity;
        const std::uint64_t memory = options_.memory > 0 ? std::min(options_.memory, capacity.memory) : capacity.memory;
        const std::uint64_t jobs =
            options_.jobs > 0 ? options_.jobs : recipe::fitting_jobs(std::numeric_limits<std::uint32_t>::max(), memory);
        const std::uint64_t all = std::max<std::uint64_t>(1, capacity.processors);
        const std::uint64_t out = std::min(all, recipe::processors_for(jobs));
        progress_.note(fmt::format("jobs:    up to {} compile jobs on {} of {} processors, {} of memory",
                                   recipe::ninja_jobs(out), out, all, human_decimal_bytes(memory)));
        return out < all ? out : 0;
    }

    // Another build that works in our volume.
    std::optional<engine::ContainerState> find_neighbour() {
        for (auto& other : containers_.list(fmt::format("{}={}", volume_label, key_.volume)))
            if (other.is_running() && other.name != key_.container) return std::move(other);
        return std::nullopt;
    }

    void wait_for_volume() {
        bool told = false;
        while (const auto other = find_neighbour()) {
            const std::string what =
                fmt::format("{} runs since {} in the same work volume {}", other->name, other->started_at, key_.volume);
            if (!options_.wait)
                throw Error(
                    Fault::failed, "another build " + what,
                    fmt::format("--wait waits for it, `wasmx-image attach {}` shows it, `wasmx-image cancel {}` "
                                "stops it",
                                other->name, other->name));
            if (!std::exchange(told, true)) progress_.note("waiting: " + what);
            for (int i = 0; i < 20; ++i) {
                if (engine_.stop().stop_requested()) throw_interrupted();
                std::this_thread::sleep_for(std::chrono::milliseconds(100));
            }
        }
    }

    // nullopt: somebody else was faster.
    std::optional<std::string> start() {
        wait_for_volume();
        const std::string source = ensure_source_image();
        containers_.make_volume(key_.volume, work_label);
        const engine::Info info = engine_.info();
        const std::uint64_t processors = fitting_processors();
        engine::RunSettings settings{.name = key_.container,
                                     .image = source,
                                     .platform = {},
                                     .command = command(processors),
                                     .labels = {{key_label, key_.text}, {volume_label, key_.volume}},
                                     .environment = options_.environment,
                                     .volume = key_.volume,
                                     .volume_target = "/wasmx/work",
                                     .processors = info.can_limit_processors ? processors : 0,
                                     .memory = options_.memory};
        if (info.platform() != options_.recipe.platform) settings.platform = options_.recipe.platform.docker_platform();
        std::optional<std::string> id;
        for (std::size_t i = 0;; ++i) {
            settings.file_limit = process_limits[i].files;
            settings.process_limit = process_limits[i].processes;
            id = create(settings);
            if (!id) return std::nullopt;
            const auto refusal = start_refusal(*id);
            if (!refusal) break;
            containers_.remove(*id);
            const bool is_about_limits = refusal->message().find("rlimit") != std::string::npos;
            if (!is_about_limits || i + 1 == process_limits.size()) throw *refusal;
        }
        is_ours_ = true;
        progress_.note(fmt::format("build:   container {}, work volume {}", key_.container, key_.volume));
        return id;
    }

    // Starts a container; returns the error of an engine that does not.
    std::optional<Error> start_refusal(const std::string& id) {
        try {
            containers_.start(id);
            return std::nullopt;
        } catch (const Error& error) {
            if (error.fault() == Fault::interrupted || error.fault() == Fault::unavailable) throw;
            return error;
        }
    }

    // An engine whose processors do not begin at 0 refuses; then the script limits itself.
    std::optional<std::string> create(engine::RunSettings settings) {
        try {
            return containers_.create(settings);
        } catch (const Error& error) {
            if (settings.processors == 0 || error.message().find("CPU") == std::string::npos) throw;
            settings.processors = 0;
            return containers_.create(settings);
        }
    }

    // nullopt: the container went away, and with it what it had made; look again.
    std::optional<BuildResult> follow(const std::string& id) {
        ScriptOutput output;
        std::optional<engine::ContainerState> state;
        try {
            state = watch(containers_, id,
                          {.title = "building " + options_.recipe.top_directory(), .limit = options_.timeout}, output,
                          progress_);
        } catch (const TimeIsUp&) {
            throw stopped(id, Fault::failed, "--timeout is over: ");
        } catch (Error& error) {
            if (error.fault() == Fault::interrupted) leave(id);
            throw;
        }
        if (!state) {
            if (output.is_done()) return find_result();
            throw Error(Fault::failed, fmt::format("the container {} was removed while it ran", key_.container),
                        "run the same command again: it goes on where it stopped");
        }
        if (output.is_busy() && state->exit_code != 0) {
            containers_.remove(id);
            wait_for_volume();
            return std::nullopt;
        }
        if (state->exit_code != 0) {
            Error error = failure_of(*state, output);
            containers_.remove(id);
            throw std::move(error);
        }
        try {
            return harvest(id, output);
        } catch (const Error& error) {
            if (error.fault() == Fault::interrupted) throw;
            // Another client that watches the same build may have made the image and removed the container under us.
            if (!containers_.find(id))
                if (auto result = find_result()) return result;
            if (error.fault() == Fault::integrity) containers_.remove(id);
            throw;
        }
    }

    [[noreturn]] void leave(const std::string& id) {
        if (options_.has_hung_up && options_.has_hung_up())
            throw Error(Fault::interrupted,
                        fmt::format("the terminal is gone; the build goes on in {}", key_.container),
                        fmt::format("`wasmx-image attach {}` shows it, and so does the same command", key_.container));
        throw stopped(id, Fault::interrupted, "");
    }

    // Stops the container, unless it was started elsewhere.
    Error stopped(const std::string& id, Fault fault, const std::string& why) {
        if (!is_ours_)
            return {fault,
                    fmt::format("{}stopped watching; the build goes on in {}, which was started elsewhere", why,
                                key_.container),
                    fmt::format("`wasmx-image cancel {}` stops it", key_.container)};
        progress_.note(fmt::format("stopping the container {}", key_.container));
        containers_.stop(id, grace);
        containers_.remove(id);
        return {fault, fmt::format("{}the build is stopped; the work volume {} stays", why, key_.volume),
                "run the same command again: it goes on where it stopped"};
    }

    // The package of a container that has ended, held against the contract and then put over the source image.
    std::optional<BuildResult> harvest(const std::string& id, const ScriptOutput& output) {
        const recipe::Recipe& recipe = options_.recipe;
        const auto open = [&](const std::string& path) { return containers_.open_file(id, path); };
        const Package package = in_context("checking the package of " + options_.tag.familiar(), [&] {
            return read_package(open, recipe, options_.output, build_record(recipe, labels_, base_, output.facts()));
        });
        const auto source = engine_.find_image(ensure_source_image());
        if (!source) throw Error(Fault::failed, "the engine has the source image no more");
        const auto task = progress_.task("package layer", 0);
        const std::string image = in_context("making the image " + options_.tag.familiar(), [&] {
            return containers_.add_layer(*source, package_layer(package, recipe, open, tree_.date()), labels_,
                                         options_.tag, key_.comment);
        });
        check_layers(image);
        task->done("done");
        containers_.remove(id);
        return BuildResult{.image_id = image, .package = package.summary};
    }

    void check_layers(const std::string& id) {
        constexpr std::size_t ours = 2;
        const auto image = engine_.find_image(id);
        const auto& base = base_.diff_ids;
        if (image && image->diff_ids.size() == base.size() + ours &&
            std::equal(base.begin(), base.end(), image->diff_ids.begin()))
            return;
        throw Error(Fault::integrity,
                    fmt::format("{} is not the {} layers of {} and {} more", id, base.size(), base_.name, ours),
                    "`docker image history` shows what is in it");
    }

    engine::Engine& engine_;
    engine::Containers containers_;
    const BuildOptions& options_;
    const source::Tree& tree_;
    const BaseImage& base_;
    Progress& progress_;
    std::map<std::string, std::string> labels_;
    BuildKey key_;
    bool is_ours_ = false;  // we started the container, so Ctrl-C stops it
};

}  // namespace

BuildResult build_runtime(engine::Engine& engine, const BuildOptions& options, const source::Tree& tree,
                          const BaseImage& base, Progress& progress) {
    RuntimeBuild build(engine, options, tree, base, progress);
    return in_context("building " + options.tag.familiar(), [&] { return build.run(); });
}

artifact::Summary check_package(engine::Engine& engine, const std::string& image, const recipe::Recipe& recipe,
                                const std::filesystem::path& folder) {
    engine::Containers containers(engine);
    return containers
        .in_idle(image,
                 [&](const std::string& id) {
                     return read_package([&](const std::string& path) { return containers.open_file(id, path); },
                                         recipe, folder);
                 })
        .summary;
}

}  // namespace wasmx::build
