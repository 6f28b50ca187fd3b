// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "engine/engine.hpp"

namespace wasmx::push {

/// Whether it is a name that an older version gave an image while it pushed it, and removed in the end unless it was
/// killed: "127.0.0.1:PORT/wasmx-image/<32 hexadecimal digits>:push".
bool is_leftover(std::string_view name);
/// Removes such names from the engine. Whether it works is not told.
void remove_leftovers(engine::Engine& engine) noexcept;

}  // namespace wasmx::push
