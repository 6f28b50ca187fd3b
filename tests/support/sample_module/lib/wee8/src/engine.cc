// SPDX-License-Identifier: Apache-2.0
#include "engine.h"

#include "wasm.h"

struct wasm_config_t {};

wasm_config_t *wasm_config_new() { return new wasm_config_t; }

void wasm_config_delete(wasm_config_t *config) { delete config; }

wasm_engine_t *wasm_engine_new() { return new wasm_engine_t; }

wasm_engine_t *wasm_engine_new_with_config(wasm_config_t *config) {
    wasm_config_delete(config);
    return wasm_engine_new();
}

void wasm_engine_delete(wasm_engine_t *engine) { delete engine; }

wasm_store_t *wasm_store_new(wasm_engine_t *engine) {
    ++engine->stores;
    return new wasm_store_t{engine, {}};
}

void wasm_store_delete(wasm_store_t *store) {
    --store->engine->stores;
    delete store;
}
