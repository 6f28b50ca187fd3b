/* SPDX-License-Identifier: Apache-2.0 */
/* A small part of the C API of WebAssembly engines, with the names and shapes that API gives them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef char wasm_byte_t;
typedef struct wasm_byte_vec_t {
    size_t size;
    wasm_byte_t *data;
} wasm_byte_vec_t;

void wasm_byte_vec_new_empty(wasm_byte_vec_t *out);
void wasm_byte_vec_new_uninitialized(wasm_byte_vec_t *out, size_t size);
void wasm_byte_vec_new(wasm_byte_vec_t *out, size_t size, const wasm_byte_t data[]);
void wasm_byte_vec_copy(wasm_byte_vec_t *out, const wasm_byte_vec_t *from);
void wasm_byte_vec_delete(wasm_byte_vec_t *vec);

typedef struct wasm_config_t wasm_config_t;
typedef struct wasm_engine_t wasm_engine_t;
typedef struct wasm_store_t wasm_store_t;

wasm_config_t *wasm_config_new(void);
void wasm_config_delete(wasm_config_t *config);

wasm_engine_t *wasm_engine_new(void);
/* Takes the configuration over. */
wasm_engine_t *wasm_engine_new_with_config(wasm_config_t *config);
void wasm_engine_delete(wasm_engine_t *engine);
wasm_store_t *wasm_store_new(wasm_engine_t *engine);
void wasm_store_delete(wasm_store_t *store);

typedef uint8_t wasm_valkind_t;
enum { WASM_I32, WASM_I64, WASM_F32, WASM_F64 };
typedef struct wasm_valtype_t wasm_valtype_t;

wasm_valtype_t *wasm_valtype_new(wasm_valkind_t kind);
wasm_valkind_t wasm_valtype_kind(const wasm_valtype_t *type);
void wasm_valtype_delete(wasm_valtype_t *type);

/* Whether the bytes begin as a module of version 1 does. */
bool wasm_module_validate(wasm_store_t *store, const wasm_byte_vec_t *binary);

#ifdef __cplusplus
}
#endif
