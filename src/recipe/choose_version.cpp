// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "base/error.hpp"
#include "recipe/recipe.hpp"
#include "recipe/version_rule.hpp"

namespace wasmx::recipe {

namespace {

constexpr std::string_view by_hand_origin = "--runtime-version";
constexpr std::string_view environment_origin = "$V8_VERSION";
constexpr std::string_view built_in_name = "release.yml (built in)";

Version given_by_hand(const std::string& text, std::string_view origin) {
    return in_context(fmt::format("reading {}", origin), [&] {
        check_version(text);
        return Version{text, std::string(origin)};
    });
}

[[noreturn]] void throw_no_version(Runtime runtime, const std::string& workflow_name, const VersionSources& sources) {
    const std::string makefile =
        sources.makefile ? fmt::format("{} sets no {}", sources.makefile->first, facts_of(runtime).makefile_variable)
                         : "the module's Makefile cannot be read";
    throw Error(
        Fault::config,
        fmt::format("no version of {} to be found: {} names none, and {}", name_of(runtime), workflow_name, makefile),
        fmt::format("say which one you want: {} VERSION", by_hand_origin));
}

[[noreturn]] void throw_disagreement(Runtime runtime, const Version& workflow, const Version& makefile) {
    throw Error(Fault::config,
                fmt::format("two versions of {}: {} ({}) and {} ({})", name_of(runtime), workflow.text, workflow.origin,
                            makefile.text, makefile.origin),
                fmt::format("say which one you want, {} {} or {} {}, or take a source that agrees", by_hand_origin,
                            workflow.text, by_hand_origin, makefile.text));
}

}  // namespace

Version choose_version(Runtime runtime, const VersionSources& sources) {
    if (!sources.by_hand.empty()) return given_by_hand(sources.by_hand, by_hand_origin);
    if (!sources.environment.empty()) return given_by_hand(sources.environment, environment_origin);

    const std::string workflow_name = sources.workflow ? sources.workflow->first : std::string(built_in_name);
    const std::string_view workflow_text =
        sources.workflow ? std::string_view(sources.workflow->second) : built_in_workflow();
    auto workflow = find_version_in_workflow(workflow_text, runtime, workflow_name);
    std::optional<Version> makefile;
    if (sources.makefile)
        makefile = find_version_in_makefile(sources.makefile->second, runtime, sources.makefile->first);

    if (workflow && makefile && workflow->text != makefile->text) throw_disagreement(runtime, *workflow, *makefile);
    if (workflow && makefile) workflow->also = makefile->origin;
    if (workflow) return *std::move(workflow);
    if (makefile) return *std::move(makefile);
    throw_no_version(runtime, workflow_name, sources);
}

}  // namespace wasmx::recipe
