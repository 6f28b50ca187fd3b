// SPDX-License-Identifier: Apache-2.0
#include "commands/verify.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "artifact/artifact.hpp"
#include "artifact/trial.hpp"
#include "base/text.hpp"
#include "commands/github_actions.hpp"
#include "commands/registry_access.hpp"
#include "extract/extract.hpp"
#include "image/package_note.hpp"
#include "io/file.hpp"

namespace wasmx::commands {

namespace {

using artifact::Point;
using artifact::Verdict;

// The package, from wherever it came, and what was said of it there.
struct Package {
    std::string subject;
    std::string name;
    io::Body body;
    std::optional<std::string> sha256_file;
};

// The recipe that the name says, where options do not say otherwise.
recipe::Recipe wanted_recipe(const Arguments& arguments, const std::optional<recipe::Recipe>& named) {
    std::vector<std::string> missing;
    for (const char* option : {"--runtime-version", "--platform"})
        if (!named && !arguments.has(option)) missing.emplace_back(option);
    if (!missing.empty())
        throw Error(Fault::usage,
                    fmt::format("the name {} does not say of which version and platform it is", arguments.operand),
                    fmt::format("say it with {}", fmt::join(missing, ", ")));
    const std::string version = arguments.text_or("--runtime-version", named ? named->version : "");
    recipe::check_version(version);
    return {
        .runtime = named ? named->runtime : recipe::Runtime::v8,
        .version = version,
        .platform = arguments.has("--platform") ? oci::Platform::parse(arguments.text("--platform")) : named->platform};
}

// A file that is there, or a name that only a file can have; any other is an image's.
bool names_a_file(const std::string& operand) {
    std::error_code ignored;
    return std::filesystem::exists(operand, ignored) || operand.ends_with(".gz") || operand.ends_with(".tgz") ||
           operand.starts_with('/') || operand.starts_with('.');
}

oci::Reference image_named(const std::string& operand) {
    try {
        return oci::Reference::parse(operand);
    } catch (const Error& error) {
        throw Error(Fault::usage, fmt::format("{} is neither a file that is there nor the name of an image", operand),
                    error.message());
    }
}

Package package_in_file(const std::string& operand) {
    const std::filesystem::path path = operand;
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored))
        throw Error(Fault::usage, fmt::format("{} is a folder", operand), "name the .tar.gz in it");
    const auto body = io::find_file_body(path);
    if (!body) throw Error(Fault::not_found, fmt::format("there is no file {}", operand));
    return {.subject = operand,
            .name = path.filename().string(),
            .body = *body,
            .sha256_file = io::find_file(operand + ".sha256", 4096)};
}

Point annotations_point(const oci::Annotations& annotations, const recipe::Recipe& recipe,
                        const artifact::Summary& summary) {
    Point point{.id = "annotations", .title = "the manifest's annotations say what the package is"};
    oci::Annotations expected;
    image::PackageNote{.path = recipe.package_path(), .size = summary.size, .digest = summary.digest}.add_to(expected);
    bool any = false;
    for (const auto& [name, value] : expected) {
        const auto found = annotations.find(name);
        if (found == annotations.end()) continue;
        any = true;
        if (found->second != value)
            point.details.push_back(fmt::format("{} is {}, not {}", name, found->second, value));
    }
    point.verdict = !any ? Verdict::skip : point.details.empty() ? Verdict::pass : Verdict::fail;
    point.observed = !any                    ? "the manifest has none"
                     : point.details.empty() ? "path, size and digest, as far as they are there, agree"
                                             : "they do not agree";
    return point;
}

struct InImage {
    Package package;
    oci::Annotations annotations;
};

InImage package_in_image(App& app, const oci::Reference& reference, const recipe::Recipe& recipe) {
    return in_context("reading " + reference.familiar(), [&]() -> InImage {
        registry::Repository repository(app.http, reference, user_access(app, reference, registry::Access::pull));
        const auto image = image::open_published(repository, reference, recipe.platform);
        // Without the manifest's word for it, which is one of the points: the whole layer is read and verified.
        auto extracted = extract::extract_file(repository, image, recipe.package_path(), {}, {}, app.progress);
        return {.package = {.subject = fmt::format("{}@{}", reference.familiar(), image.digest.str()),
                            .name = recipe.package_name(),
                            .body = extracted.content.body(),
                            .sha256_file = std::move(extracted.sha256_file)},
                .annotations = image.manifest.annotations};
    });
}

Point name_point(const Package& package, const recipe::Recipe& recipe) {
    Point point{.id = "name", .title = "it is called by runtime, version and platform"};
    point.observed = package.name;
    if (package.name != recipe.package_name()) {
        point.verdict = Verdict::fail;
        point.observed = fmt::format("it is called {}, not {}", package.name, recipe.package_name());
    }
    return point;
}

artifact::Report report_on(App& app, const Arguments& arguments) {
    std::optional<oci::Annotations> annotations;
    std::optional<Package> package;
    std::optional<recipe::Recipe> recipe;
    if (names_a_file(arguments.operand)) {
        package = package_in_file(arguments.operand);
        recipe = wanted_recipe(arguments, recipe::Recipe::from_package_name(package->name));
    } else {
        const auto reference = image_named(arguments.operand);
        recipe = wanted_recipe(arguments, recipe::Recipe::from_tag(reference.tag().value_or("")));
        auto found = package_in_image(app, reference, *recipe);
        package = std::move(found.package);
        annotations = std::move(found.annotations);
    }

    auto [summary, points] = artifact::examine(package->body.open(), artifact::contract_of(*recipe));
    artifact::Report report{.subject = package->subject,
                            .package_name = recipe->package_name(),
                            .platform = recipe->platform.docker_platform(),
                            .digest = summary.digest.str(),
                            .size = summary.size,
                            .files = summary.files,
                            .points = {name_point(*package, *recipe)},
                            .strict = arguments.has("--strict")};
    for (Point& point : points) report.points.push_back(std::move(point));
    report.points.push_back(artifact::checksum_point(package->sha256_file, package->name, summary.digest));
    if (annotations) report.points.push_back(annotations_point(*annotations, *recipe, summary));
    if (arguments.has("--run"))
        report.points.push_back(report.count(Verdict::fail) > 0 ? artifact::not_tried("what has failed is not unpacked")
                                                                : artifact::try_out(package->body, *recipe, app.stop));
    return report;
}

void tell_github(App& app, const artifact::Report& report) {
    for (const Point& point : report.points) {
        if (point.verdict != Verdict::fail && point.verdict != Verdict::warn) continue;
        annotate(app, point.verdict == Verdict::fail ? Level::error : Level::warning, point.id,
                 point.details.size() < 2 ? point.observed : fmt::format("{}", fmt::join(point.details, "\n")));
    }
}

}  // namespace

void run_verify(App& app, const Arguments& arguments) {
    const artifact::Report report = report_on(app, arguments);
    app.result(arguments.has("--json") ? artifact::json_of(report)
                                       : artifact::text_of(report, {.colour = app.output.colour,
                                                                    .symbols = app.output.symbols,
                                                                    .verbose = arguments.has("--verbose"),
                                                                    .width = app.output.width}));
    if (in_github_actions()) tell_github(app, report);
    if (report.is_well()) return;
    const auto culprits = report.culprits();
    throw Error(Fault::failed, fmt::format("{} of {} points failed: {}", culprits.size(), report.points.size(),
                                           fmt::join(culprits, ", ")));
}

}  // namespace wasmx::commands
