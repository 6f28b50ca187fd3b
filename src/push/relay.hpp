// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "base/progress.hpp"
#include "engine/engine.hpp"
#include "push/engine_push.hpp"

namespace wasmx::push {

/// Has the engine push an image into an endpoint of ours on 127.0.0.1, which takes the layers that are not `known`, and
/// the config, whose bytes are returned; nullopt when it was not wanted after all. The other layers it takes for
/// granted before they are compressed, so what is known costs next to nothing. The image has a name of ours meanwhile.
///
/// For Docker with a store of its own, on this machine: the image's id is the config's digest. Layers go to `new_sink`,
/// whose calls never overlap but for `write`, compressed by the engine unless another compression is asked for; they
/// are sealed once they have been held against their diff IDs. The first one is taken while `prepare` still finds out
/// whether it is known. A layer that docker remembers to have pushed or pulled is taken for known where others are;
/// when that was wrong the engine pushes once more, and `prepare` is called again. What the hooks throw ends the relay.
std::optional<std::string> relay_image(engine::Engine& engine, const engine::ImageInfo& image, const TakingHooks& hooks,
                                       Progress& progress);

}  // namespace wasmx::push
