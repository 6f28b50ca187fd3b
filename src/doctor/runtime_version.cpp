// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "base/text.hpp"
#include "doctor/doctor.hpp"
#include "io/file.hpp"

namespace wasmx::doctor {

void runtime_version(Scene& scene, Result& result) {
    const Request& request = scene.request;
    result.required = "one version, the same in the release workflow and the module's Makefile";
    result.where = "--runtime-version, $V8_VERSION, the release workflow, the Makefile";
    recipe::VersionSources sources;
    sources.by_hand = request.runtime_version;
    sources.environment = environment("V8_VERSION");
    if (!request.workflow.empty()) sources.workflow.emplace(request.workflow, io::read_file(request.workflow));
    const bool is_by_hand = !sources.by_hand.empty() || !sources.environment.empty();
    if (!is_by_hand) {
        const source::Tree& tree = *scene.tree.need();
        if (tree.has_files()) {
            if (const auto makefile = tree.find_file("Makefile"))
                sources.makefile.emplace("Makefile of " + tree.description(), *makefile);
        } else {
            result.details.push_back("the module's Makefile is not read, since a dry run fetches nothing");
        }
    }
    recipe::Version version = recipe::choose_version(request.runtime, sources);
    result.observed = fmt::format("{} {}", name_of(request.runtime), version.text);
    result.where = version.origin;
    if (!version.also.empty()) result.where += " and " + version.also;
    scene.version.set(std::move(version));
}

}  // namespace wasmx::doctor
