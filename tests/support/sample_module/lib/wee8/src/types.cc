// SPDX-License-Identifier: Apache-2.0
#include "wasm.h"

struct wasm_valtype_t {
    wasm_valkind_t kind;
};

wasm_valtype_t *wasm_valtype_new(wasm_valkind_t kind) { return new wasm_valtype_t{kind}; }

wasm_valkind_t wasm_valtype_kind(const wasm_valtype_t *type) { return type->kind; }

void wasm_valtype_delete(wasm_valtype_t *type) { delete type; }
