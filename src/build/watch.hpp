// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/progress.hpp"
#include "build/output.hpp"
#include "engine/container.hpp"

namespace wasmx::build {

/// Shows what a build container writes, from its beginning until it ends; an engine that restarts meanwhile is asked
/// again for a minute. Returns the state in the end: nullopt when somebody has removed the container.
std::optional<engine::ContainerState> watch(engine::Containers& containers, const std::string& id,
                                            const std::string& title, ScriptOutput& output, Progress& progress);

/// What became of a container that ended without a package, with the next step.
Error failure_of(const engine::ContainerState& state, const ScriptOutput& output);

}  // namespace wasmx::build
