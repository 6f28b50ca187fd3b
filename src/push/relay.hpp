// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/progress.hpp"
#include "engine/engine.hpp"
#include "image/sealed.hpp"

namespace wasmx::push {

/// Has the engine push an image into an endpoint of ours on 127.0.0.1, which takes the layers that are not
/// `hooks.known`, and the config, whose bytes are returned. The others it takes for granted before they are compressed,
/// so what is known costs next to nothing. The image has a name of ours meanwhile.
///
/// For Docker with a store of its own, on this machine: the image's id is the config's digest. Layers go to
/// `hooks.new_sink`, whose calls never overlap but for `write`, compressed by the engine unless another compression is
/// asked for; they are sealed once they have been held against their diff IDs. `prepare` is called first, while the
/// engine gets ready, and says whether it is wanted at all (else: nullopt); only then are layers `known`. `check` is
/// called now and then. What they throw ends the relay.
std::optional<std::string> relay_image(engine::Engine& engine, const engine::ImageInfo& image,
                                       const image::SealHooks& hooks, const std::function<bool()>& prepare,
                                       const std::function<void()>& check, Progress& progress);

}  // namespace wasmx::push
