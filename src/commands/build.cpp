// SPDX-License-Identifier: Apache-2.0
#include "commands/build.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <future>

#include "base/text.hpp"
#include "build/runtime_image.hpp"
#include "commands/registry_access.hpp"
#include "commands/sending.hpp"
#include "git/program.hpp"
#include "io/file.hpp"

namespace wasmx::commands {

namespace {

namespace fs = std::filesystem;

// What is built, decided before anything is done; the checks found it out.
struct Plan {
    engine::Engine& engine;
    const source::Tree& tree;
    const recipe::Version& version;
    recipe::Recipe recipe;
    oci::Reference target;
    recipe::BaseWanted base;
};

doctor::Request build_request(const Arguments& arguments) {
    doctor::Request out = request_from(arguments);
    if (!arguments.has("--push")) out.push = doctor::Request::Push::no;
    if (arguments.has("--dry-run")) {
        out.touch = doctor::Request::Touch::nothing;
        out.source.may_fetch = false;
    }
    return out;
}

// Exit code 2 belongs to what the user said or set up, when nothing else failed.
Fault fault_of(const doctor::Report& report) {
    for (const doctor::Finding& finding : report.findings) {
        const auto& [verdict, fault] = std::tie(finding.result.verdict, finding.result.fault);
        if (verdict == doctor::Verdict::fail && fault != Fault::usage && fault != Fault::config) return Fault::failed;
    }
    return Fault::config;
}

bool ignores(const doctor::Selection& selection, std::string_view id) {
    return std::find(selection.ignore.begin(), selection.ignore.end(), id) != selection.ignore.end();
}

bool is_enough_to_build(doctor::Scene& scene) {
    return scene.engine.find() != nullptr && scene.platform.find() != nullptr && scene.tree.find() != nullptr &&
           scene.version.find() != nullptr;
}

// The same checks as `doctor`: hours of compiling must not end at what could have been known.
doctor::Report preflight(doctor::Scene& scene, const doctor::Selection& selection) {
    doctor::Report report = doctor::examine(scene, selection);
    if (report.is_well()) return report;
    const auto culprits = report.culprits();
    std::string hint = "`wasmx-image doctor` shows all checks";
    if (is_enough_to_build(scene)) hint += fmt::format("; --ignore {} goes on all the same", fmt::join(culprits, ","));
    Error error(fault_of(report),
                fmt::format("nothing was begun: {} of {} checks failed: {}", culprits.size(), report.findings.size(),
                            fmt::join(culprits, ", ")),
                std::move(hint));
    std::vector<std::string> lines;
    for (const doctor::Finding& finding : report.findings) {
        if (finding.result.verdict != doctor::Verdict::fail) continue;
        const std::string text = doctor::text_of(finding, {});
        for (const auto line : split(text, '\n')) lines.emplace_back(line);
    }
    error.set_lines(lines);
    throw std::move(error);
}

Plan plan_of(doctor::Scene& scene) {
    try {
        return {.engine = *scene.engine.need(),
                .tree = *scene.tree.need(),
                .version = scene.version.need(),
                .recipe = scene.recipe(),
                .target = scene.target(),
                .base = scene.base_wanted()};
    } catch (const doctor::Missing& missing) {
        throw Error(Fault::failed, fmt::format("{} was ignored, but there is no build without it", missing.check),
                    fmt::format("follow the hint of `wasmx-image doctor --only {}`", missing.check));
    }
}

void tell_findings(App& app, const doctor::Report& report) {
    app.progress.note(fmt::format("checks:  {}", doctor::summary_of(report)));
    for (const doctor::Finding& finding : report.findings)
        if (finding.result.verdict == doctor::Verdict::warn)
            app.progress.warn(fmt::format("{}: {}{}", finding.check.id, finding.result.observed,
                                          finding.ignored ? " (ignored)" : ""));
}

std::string_view observed(const doctor::Report& report, std::string_view id) {
    for (const doctor::Finding& finding : report.findings)
        if (finding.check.id == id) return finding.result.observed;
    return {};
}

void tell(App& app, const Plan& plan, const doctor::Report& report) {
    const auto& revision = plan.tree.revision();
    const engine::Engine& engine = plan.engine;
    tell_findings(app, report);
    app.progress.note(fmt::format("engine:  {} ({}), API {}", engine.endpoint().socket, engine.endpoint().origin,
                                  engine.identity().api_version));
    app.progress.note(fmt::format("source:  {}{}", plan.tree.description(), revision ? ", commit " + *revision : ""));
    app.progress.note(
        fmt::format("runtime: {} {} (from {})", name_of(plan.recipe.runtime), plan.version.text, plan.version.origin));
    app.progress.note(
        fmt::format("image:   {} for {}", plan.target.familiar(), plan.recipe.platform.docker_platform()));
    app.progress.note(fmt::format("base:    {}", observed(report, "base-image")));
}

void tell_dry_run(App& app, const Plan& plan, const doctor::Report& report, const doctor::Request& request) {
    tell(app, plan, report);
    if (plan.tree.has_files()) {
        const auto extent = plan.tree.extent();
        app.progress.note(fmt::format("context: {} files, {}", extent.files, human_bytes(extent.bytes)));
    } else {
        app.progress.note("context: not known before the source is cloned");
    }
    app.progress.note(fmt::format("package: {}", plan.recipe.package_path()));
    app.progress.note(request.push == doctor::Request::Push::yes
                          ? fmt::format("push:    would be pushed: {}", observed(report, "registry-tag"))
                          : "push:    no (--push is not given)");
    app.progress.note("dry run: nothing was changed");
}

fs::path log_path(const Arguments& arguments, const Plan& plan) {
    if (arguments.has("--log-file")) return arguments.text("--log-file");
    const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    return io::state_folder() / fmt::format("build-{}-{:%Y%m%dT%H%M%SZ}.log", plan.recipe.tag(), fmt::gmtime(now));
}

std::uint64_t jobs_in(const Arguments& arguments) {
    if (!arguments.has("--jobs") || arguments.text("--jobs") == "auto") return 0;
    const auto jobs = parse_number(arguments.text("--jobs"));
    if (jobs && *jobs > 0 && *jobs < 10'000) return *jobs;
    throw Error(Fault::usage, fmt::format("--jobs {} is not a number of jobs", printable(arguments.text("--jobs"))),
                "give a whole number from 1, or auto");
}

std::chrono::seconds timeout_in(const Arguments& arguments) {
    if (!arguments.has("--timeout")) return {};
    const std::string text = arguments.text("--timeout");
    if (const auto seconds = parse_seconds(text); seconds && *seconds > 0) return std::chrono::seconds(*seconds);
    throw Error(Fault::usage, fmt::format("--timeout {} is no duration", printable(text)),
                "a duration is whole numbers and units: 5h, 90m, 5h30m, 600s");
}

build::BuildOptions build_options_from(App& app, const Arguments& arguments, const Plan& plan,
                                       const engine::Proxies& proxies, doctor::Scene& scene,
                                       const doctor::Selection& selection) {
    return {.recipe = plan.recipe,
            .tag = plan.target,
            .output = arguments.text("--output"),
            .no_cache = arguments.has("--no-cache"),
            .fresh = arguments.has("--fresh"),
            .wait = arguments.has("--wait"),
            .detach = arguments.has("--detach"),
            .jobs = jobs_in(arguments),
            .memory = size_in(arguments, "--memory").value_or(0),
            .disk = ignores(selection, "engine-disk") ? 0 : scene.request.min_disk.value_or(doctor::least_free_disk),
            .timeout = timeout_in(arguments),
            .depot_tools = arguments.text("--depot-tools"),
            .capacity = scene.capacity(),
            .environment = proxies,
            .has_hung_up = app.has_hung_up};
}

void check_build_arguments(const Arguments& arguments) {
    (void)jobs_in(arguments);
    (void)size_in(arguments, "--memory");
    (void)timeout_in(arguments);
    if (arguments.has("--json") && !arguments.has("--push"))
        throw Error(Fault::usage, "--json tells what was pushed, and --push is not given",
                    "add --push, or leave it out");
    if (arguments.has("--detach") && arguments.has("--push"))
        throw Error(Fault::usage, "--detach and --push exclude each other: nobody is there to push in the end",
                    "run the same command with --push later: it takes the result of the build");
    if (!arguments.has("--depot-tools")) return;
    if (const std::string ref = arguments.text("--depot-tools"); !git::is_ref_name(ref))
        throw Error(Fault::usage, fmt::format("--depot-tools \"{}\" is no branch, tag or commit", printable(ref)),
                    "give a name or a commit id as git has it");
}

}  // namespace

void run_build(App& app, const Arguments& arguments) {
    check_sending(arguments);
    check_build_arguments(arguments);
    const doctor::Selection selection = selection_from(arguments);
    doctor::Scene scene(build_request(arguments), app.http, app.progress, app.stop);
    const doctor::Report report = preflight(scene, selection);
    const Plan plan = plan_of(scene);
    if (arguments.has("--dry-run")) return tell_dry_run(app, plan, report, scene.request);
    app.keep_log(log_path(arguments, plan));
    tell(app, plan, report);

    const std::string tag = plan.target.familiar();
    const auto auth = [&](const oci::Reference& image) { return engine_auth(app, image); };
    const auto proxies = engine::proxies_for(plan.engine.endpoint(), arguments.has("--proxy-from-env")
                                                                         ? engine::ProxyEnvironment::use
                                                                         : engine::ProxyEnvironment::ignore);
    const auto base = build::ensure_base(plan.engine, plan.tree, plan.base, auth, proxies, app.progress);
    const auto built_now =
        build::build_runtime(plan.engine, build_options_from(app, arguments, plan, proxies, scene, selection),
                             plan.tree, base, app.progress);
    // From here on by its ID: another build may move the tag.
    const std::string& id = built_now.image_id;
    if (id.empty()) {
        app.progress.note(
            "the build goes on in the engine: `wasmx-image attach` shows it, and the same command without "
            "--detach takes its result");
        return app.result(built_now.container);
    }
    const artifact::Summary& package = built_now.package;
    app.progress.note(fmt::format("package: {}, {}, {}", plan.recipe.package_name(), human_bytes(package.size),
                                  package.digest.str()));
    if (!arguments.has("--push")) return app.result(id);

    registry::Repository repository(app.http, plan.target, user_access(app, plan.target, registry::Access::push));
    // Hours may have gone by since the checks.
    const auto built = plan.engine.find_image(id);
    if (!built) throw Error(Fault::not_found, fmt::format("the engine has the image {} ({}) no more", tag, id));
    const auto admit = [&] {
        // Some registries ask for a login at an upload alone, and show only then what is private.
        repository.prove_push();
        if (scene.request.published == doctor::Request::Published::keep && !ignores(selection, "registry-tag"))
            refuse_to_overwrite(repository, plan.target, *built);
        return annotations_of(plan.recipe, package, build::labels_of(plan.recipe, plan.tree, base));
    };
    send(app, arguments, plan.engine, repository,
         {tag, plan.target, std::async(std::launch::deferred, admit).share(), *built});
}

}  // namespace wasmx::commands
