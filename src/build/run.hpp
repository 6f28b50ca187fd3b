// SPDX-License-Identifier: Apache-2.0
#pragma once
// build: makes an image on an engine: the base image, the Dockerfile and its context, the steps as they run, what is
// left of them. It does not push and does not know what a registry is.

#include <string>

#include "engine/engine.hpp"

namespace wasmx::build {

/// Runs one build to its end, tells the progress of its steps, and removes what BuildKit keeps of the context. Returns
/// the image's id. A failed step is Fault::failed with the step, its last lines and, where they tell it, the cause.
std::string run(engine::Engine& engine, engine::BuildRequest request, const io::Body& context, Progress& progress);

}  // namespace wasmx::build
