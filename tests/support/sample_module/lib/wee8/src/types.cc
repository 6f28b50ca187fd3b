// SPDX-License-Identifier: Apache-2.0
#include "wasm.h"

struct wasm_valtype_t {
    wasm_valkind_t kind;
};

wasm_valtype_t *wasm_valtype_new(wasm_valkind_t kind) { return new wasm_valtype_t{kind}; }

wasm_valkind_t wasm_valtype_kind(const wasm_valtype_t *type) { return type->kind; }

void wasm_valtype_delete(wasm_valtype_t *type) { delete type; }

struct wasm_functype_t {
    wasm_valtype_vec_t params;
    wasm_valtype_vec_t results;
};

wasm_functype_t *wasm_functype_new(wasm_valtype_vec_t *params, wasm_valtype_vec_t *results) {
    auto *type = new wasm_functype_t{*params, *results};
    *params = {0, nullptr};
    *results = {0, nullptr};
    return type;
}

void wasm_functype_delete(wasm_functype_t *type) {
    wasm_valtype_vec_delete(&type->params);
    wasm_valtype_vec_delete(&type->results);
    delete type;
}
