// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/container.hpp"

namespace wasmx::build {

/// A build container on the engine. One that succeeded and was harvested is an image and no container any more.
struct Build {
    enum class State { running, finished, failed };
    engine::ContainerState container;
    State state = State::running;
    std::string key;
    std::string volume;
    std::optional<std::uint64_t> volume_size;  ///< bytes; nullopt: the engine does not tell
    std::string step;                          ///< the last line of its log
};

/// All of them, the running ones first.
std::vector<Build> list_builds(engine::Engine& engine);
/// The build of that name or key; with an empty `id` the only one that runs, or else the only one there is.
/// Fault::not_found names those there are.
Build find_build(engine::Engine& engine, const std::string& id);
/// Shows a build until it ends; one that fails is the Error that `build` would have thrown.
void attach(engine::Engine& engine, const Build& build, Progress& progress);

/// A table for people, without the last newline; "no builds" when there are none.
std::string text_of(const std::vector<Build>& builds);
/// [{"name", "key", "state", "since", "exit_code", "step", "volume", "volume_bytes"}, …]
std::string json_of(const std::vector<Build>& builds);

/// What builds leave on the engine to be faster next time.
struct KeptItem {
    std::string name;
    std::string kind;  ///< "work volume", "source image"
    std::optional<std::uint64_t> size;
    std::string created;  ///< RFC 3339
};
std::vector<KeptItem> list_kept(engine::Engine& engine);
/// Removes what is not in use. What an engine refuses to remove is told as a warning.
void prune(engine::Engine& engine, const std::vector<KeptItem>& items, Progress& progress);

}  // namespace wasmx::build
