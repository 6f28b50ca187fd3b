// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <mutex>
#include <string_view>

#include "engine.h"
#include "wasm.h"

using namespace std::string_view_literals;

bool wasm_module_validate(wasm_store_t *store, const wasm_byte_vec_t *binary) {
    const std::scoped_lock lock{store->mutex};
    return std::string_view{binary->data, binary->size}.starts_with("\0asm\1\0\0\0"sv);
}
