// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "images/data.hpp"
#include "recipe/recipe.hpp"
#include "recipe/version_rule.hpp"

namespace wasmx::recipe {

namespace {

constexpr std::size_t largest_workflow = 512 << 10;
// Aliases and lists that are multiplied make any number of them out of a few lines.
constexpr std::size_t most_places = 1'000;
constexpr std::size_t most_merged = 64;

/// A version that the workflow gives the runtime, and where.
struct Mention {
    std::string version;
    std::string place;  // jobs.extract-arm.env
    int line = 0;
};

/// The value of a key, also where it comes in by a merge (`<<: *common`), which yaml-cpp leaves to its callers. (YAML
/// merge key type; a key of the mapping itself goes before a merged one.)
YAML::Node value_of(const YAML::Node& mapping, const char* key) {
    const YAML::Node absent(YAML::NodeType::Undefined);
    if (!mapping.IsDefined() || !mapping.IsMap()) return absent;
    if (const YAML::Node own = mapping[key]; own.IsDefined()) return own;
    const YAML::Node merged = mapping["<<"];
    if (!merged.IsDefined()) return absent;
    if (merged.IsMap()) return merged[key].IsDefined() ? merged[key] : absent;
    if (merged.IsSequence())
        for (std::size_t i = 0; i < std::min(merged.size(), most_merged); ++i)
            if (const YAML::Node one = merged[i]; one.IsMap() && one[key].IsDefined()) return one[key];
    return absent;
}

/// A scalar's text; empty for anything else, and for an expression, whose value only GitHub knows.
std::string literal(const YAML::Node& node) {
    if (!node.IsDefined() || !node.IsScalar()) return {};
    const std::string_view text = trim(node.Scalar());
    return text.find("${{") == std::string_view::npos ? std::string(text) : std::string();
}

/// Walks the places of a workflow where a runtime's version can stand. (GitHub Actions, "Workflow syntax": env,
/// jobs.<id>.env, jobs.<id>.steps[*].env, jobs.<id>.strategy.matrix)
class Mentions {
public:
    explicit Mentions(Runtime runtime) : runtime_(name_of(runtime)) {}

    std::vector<Mention> in(const YAML::Node& workflow) {
        take_env(workflow, "");
        const YAML::Node jobs = value_of(workflow, "jobs");
        if (jobs.IsDefined() && jobs.IsMap())
            for (const auto& job : jobs) take_job(job.second, fmt::format("jobs.{}", literal(job.first)));
        // What an env says comes first: it is what is quoted as the origin.
        found_.insert(found_.end(), in_matrices_.begin(), in_matrices_.end());
        return std::move(found_);
    }

private:
    void take_job(const YAML::Node& job, const std::string& place) {
        take_env(job, place + ".");
        const YAML::Node steps = value_of(job, "steps");
        if (steps.IsDefined() && steps.IsSequence())
            for (std::size_t i = 0; i < steps.size(); ++i) take_env(steps[i], fmt::format("{}.steps[{}].", place, i));
        take_matrix(value_of(value_of(job, "strategy"), "matrix"), place + ".strategy.matrix");
    }

    void take_env(const YAML::Node& owner, const std::string& prefix) {
        const YAML::Node env = value_of(owner, "env");
        take(found_, value_of(env, "RUNTIME"), value_of(env, "VERSION"), prefix + "env");
    }

    // `include: [{runtime: v8, version: …}]`, or lists that are multiplied: `runtime: [v8]`, `version: [...]`.
    void take_matrix(const YAML::Node& matrix, const std::string& place) {
        const YAML::Node include = value_of(matrix, "include");
        if (include.IsDefined() && include.IsSequence())
            for (std::size_t i = 0; i < include.size(); ++i)
                take(in_matrices_, value_of(include[i], "runtime"), value_of(include[i], "version"),
                     fmt::format("{}.include[{}]", place, i));
        const YAML::Node runtimes = value_of(matrix, "runtime");
        const YAML::Node versions = value_of(matrix, "version");
        if (!runtimes.IsDefined() || !runtimes.IsSequence() || !versions.IsDefined() || !versions.IsSequence()) return;
        for (const YAML::Node& runtime : runtimes)
            for (const YAML::Node& version : versions) take(in_matrices_, runtime, version, place);
    }

    void take(std::vector<Mention>& to, const YAML::Node& runtime, const YAML::Node& version,
              const std::string& place) {
        if (++places_ > most_places)
            throw Error(Fault::config,
                        fmt::format("it names a runtime and a version in more than {} places", most_places));
        if (literal(runtime) != runtime_) return;
        if (std::string text = literal(version); !text.empty())
            to.push_back({std::move(text), place, version.Mark().line + 1});
    }

    std::string runtime_;
    std::size_t places_ = 0;
    std::vector<Mention> found_;
    std::vector<Mention> in_matrices_;
};

std::vector<Mention> mentions_in(std::string_view yaml, Runtime runtime, const std::string& name) {
    if (yaml.size() > largest_workflow)
        throw Error(Fault::config, fmt::format("{} is too large for a workflow ({})", name, human_bytes(yaml.size())));
    try {
        const YAML::Node workflow = YAML::Load(std::string(yaml));
        if (!workflow.IsDefined() || !workflow.IsMap())
            throw Error(Fault::config, fmt::format("{} is no workflow: its top is no mapping", name),
                        "give a GitHub Actions workflow file");
        return in_context(name, [&] { return Mentions(runtime).in(workflow); });
    } catch (const YAML::Exception& error) {
        const std::string line = error.mark.is_null() ? std::string() : fmt::format(", line {}", error.mark.line + 1);
        throw Error(Fault::config, fmt::format("{}{} is no YAML: {}", name, line, printable(error.msg)));
    }
}

}  // namespace

std::string_view built_in_workflow() { return images::release_workflow(); }

std::optional<Version> find_version_in_workflow(std::string_view yaml, Runtime runtime, const std::string& name) {
    const auto mentions = mentions_in(yaml, runtime, name);
    if (mentions.empty()) return std::nullopt;
    const auto place_of = [&](const Mention& mention) {
        return fmt::format("{}, {} (line {})", name, printable(mention.place), mention.line);
    };
    for (const Mention& mention : mentions) check_version_at(mention.version, place_of(mention));
    const Mention& first = mentions.front();
    for (const Mention& mention : mentions)
        if (mention.version != first.version)
            throw Error(Fault::config,
                        fmt::format("{} names two versions of {}: {} in {} (line {}), {} in {} (line {})", name,
                                    name_of(runtime), first.version, printable(first.place), first.line,
                                    mention.version, printable(mention.place), mention.line),
                        "make them agree, or say which one you want with --runtime-version");
    return Version{first.version, fmt::format("{}, {}", name, first.place)};
}

}  // namespace wasmx::recipe
