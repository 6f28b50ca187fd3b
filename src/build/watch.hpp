// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "base/progress.hpp"
#include "build/output.hpp"
#include "engine/container.hpp"

namespace wasmx::build {

struct WatchSettings {
    std::string title;                  ///< of the task
    std::chrono::seconds limit{0};      ///< how long to watch; 0: until the end
    std::chrono::seconds silence{300};  ///< without output, after which a note says what the container does
};

/// `watch` has lasted as long as it may.
struct TimeIsUp {};

/// Shows what a build container writes, from its beginning until it ends, and what it takes; an engine that restarts
/// meanwhile is asked again for a minute. Returns the state in the end: nullopt when somebody has removed the
/// container.
std::optional<engine::ContainerState> watch(engine::Containers& containers, const std::string& id,
                                            const WatchSettings& settings, ScriptOutput& output, Progress& progress);

/// What became of a container that ended without a package, with the next step.
Error failure_of(const engine::ContainerState& state, const ScriptOutput& output);

}  // namespace wasmx::build
