// SPDX-License-Identifier: Apache-2.0
#pragma once
// build: makes an image on an engine: the base image from its Dockerfile, the runtime's image with a container that
// runs the module's script. It does not push and does not know what a registry is.

#include <string>

#include "engine/engine.hpp"

namespace wasmx::build {

/// Runs the build of a Dockerfile to its end and shows the progress of its steps. Returns the image's ID. A failed step
/// is Fault::failed with the step, its last lines and, where they tell it, the cause.
std::string run(engine::Engine& engine, engine::BuildRequest request, const io::Body& context, Progress& progress);

}  // namespace wasmx::build
