// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>

namespace wasmx {

/// Calls `work` with 0 to `count` - 1, at most `limit` of them at a time, and returns when all have ended. After an
/// exception no further one begins; the first is rethrown. For what mostly waits: answers of a registry.
void run_all(std::size_t count, unsigned limit, const std::function<void(std::size_t)>& work);

}  // namespace wasmx
