// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <future>
#include <map>
#include <string>

#include "artifact/artifact.hpp"
#include "commands/command.hpp"
#include "engine/engine.hpp"
#include "oci/manifest.hpp"
#include "recipe/recipe.hpp"
#include "registry/registry.hpp"

namespace wasmx::commands {

/// What `push` and `build --push` are asked in the same words.
inline constexpr std::array sending_options{
    Option{"--compression", "KIND[:LEVEL]",
           "of layers that the engine does not have compressed: gzip, which everybody reads, or zstd (default: gzip)"},
    Option{"--via", "WAY",
           "how layers are read: from the engine's own store, or by export as docker save does; auto falls back to "
           "export where the store cannot be read (default: auto)",
           "auto|store|export"},
    Option{"--max-concurrent-uploads", "N", "layers that are uploaded at a time (default: 4)"},
    Option{"--cache-dir", "DIR",
           "where layers are kept for a push that has to be repeated (default: ~/.cache/wasmx-image/push)"},
    Option{"--json", "", "what was pushed, in JSON (src/push/report.schema.json), instead of REFERENCE@DIGEST"},
};

/// Throws Fault::usage for what is wrong with the words themselves.
void check_sending(const Arguments& arguments);

/// The annotations of the manifest of an image of ours: its labels, and what `extract` may go by later: which file in
/// the image is the package, and what it must be.
oci::Annotations annotations_of(const recipe::Recipe& recipe, const artifact::Summary& package,
                                const std::map<std::string, std::string>& labels);

struct Sending {
    std::string image;  ///< its name on the engine, for people
    oci::Reference target;
    std::shared_future<oci::Annotations> admitted;   ///< (push::PushOptions)
    engine::ImageInfo info;                          ///< its labels say which base it was built on
    std::shared_future<engine::Info> engine_info{};  ///< when it has been asked for already
};
/// Pushes, and gives the result: on standard output, and to the steps that follow in a workflow.
void send(App& app, const Arguments& arguments, engine::Engine& engine, registry::Repository& repository,
          const Sending& sending);

}  // namespace wasmx::commands
