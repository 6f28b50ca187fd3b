// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "wasm.h"

struct wasm_extern_t {
    virtual ~wasm_extern_t() = default;
};

// All that is exported here, and all that could be imported.
struct wasm_func_t : wasm_extern_t {
    using Code = std::function<wasm_trap_t *(const wasm_val_t args[], wasm_val_t results[])>;
    explicit wasm_func_t(Code with_code) : code(std::move(with_code)) {}
    Code code;
};
