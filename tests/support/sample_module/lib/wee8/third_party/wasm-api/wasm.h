/* SPDX-License-Identifier: Apache-2.0 */
/* A part of the C API of WebAssembly engines, with the names and shapes that it had in 2019, when functions took arrays
   and no vectors. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A vector owns its elements. */
#define WASM_SAMPLE_VECTOR(name, element)                                                    \
    typedef struct wasm_##name##_vec_t {                                                     \
        size_t size;                                                                         \
        element *data;                                                                       \
    } wasm_##name##_vec_t;                                                                   \
    void wasm_##name##_vec_new_empty(wasm_##name##_vec_t *out);                              \
    void wasm_##name##_vec_new_uninitialized(wasm_##name##_vec_t *out, size_t size);         \
    void wasm_##name##_vec_new(wasm_##name##_vec_t *out, size_t size, element const data[]); \
    void wasm_##name##_vec_delete(wasm_##name##_vec_t *vec);

typedef char wasm_byte_t;
WASM_SAMPLE_VECTOR(byte, wasm_byte_t)
void wasm_byte_vec_copy(wasm_byte_vec_t *out, const wasm_byte_vec_t *from);

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

typedef enum wasm_valkind_t { WASM_I32, WASM_I64, WASM_F32, WASM_F64 } wasm_valkind_t;
typedef struct wasm_valtype_t wasm_valtype_t;
WASM_SAMPLE_VECTOR(valtype, wasm_valtype_t *)

wasm_valtype_t *wasm_valtype_new(wasm_valkind_t kind);
wasm_valkind_t wasm_valtype_kind(const wasm_valtype_t *type);
void wasm_valtype_delete(wasm_valtype_t *type);

typedef struct wasm_functype_t wasm_functype_t;

/* Takes what is in the vectors over. */
wasm_functype_t *wasm_functype_new(wasm_valtype_vec_t *params, wasm_valtype_vec_t *results);
void wasm_functype_delete(wasm_functype_t *type);

typedef struct wasm_val_t {
    wasm_valkind_t kind;
    union {
        int32_t i32;
        int64_t i64;
        float f32;
        double f64;
    } of;
} wasm_val_t;

typedef wasm_byte_vec_t wasm_message_t; /* ends with a zero */
typedef struct wasm_trap_t wasm_trap_t;

wasm_trap_t *wasm_trap_new(wasm_store_t *store, const wasm_message_t *message);
void wasm_trap_message(const wasm_trap_t *trap, wasm_message_t *out);
void wasm_trap_delete(wasm_trap_t *trap);

typedef struct wasm_module_t wasm_module_t;

/* Valid is what wasm/module.cc can run. */
bool wasm_module_validate(wasm_store_t *store, const wasm_byte_vec_t *binary);
/* NULL when it is not valid. */
wasm_module_t *wasm_module_new(wasm_store_t *store, const wasm_byte_vec_t *binary);
void wasm_module_delete(wasm_module_t *module);

typedef enum wasm_externkind_t {
    WASM_EXTERN_FUNC,
    WASM_EXTERN_GLOBAL,
    WASM_EXTERN_TABLE,
    WASM_EXTERN_MEMORY
} wasm_externkind_t;
typedef struct wasm_extern_t wasm_extern_t;
typedef struct wasm_func_t wasm_func_t;
WASM_SAMPLE_VECTOR(extern, wasm_extern_t *)

typedef wasm_trap_t *(*wasm_func_callback_with_env_t)(void *env, const wasm_val_t args[], wasm_val_t results[]);

wasm_func_t *wasm_func_new_with_env(wasm_store_t *store, const wasm_functype_t *type,
                                    wasm_func_callback_with_env_t callback, void *env, void (*finalizer)(void *));
/* NULL, or why it did not return. */
wasm_trap_t *wasm_func_call(const wasm_func_t *func, const wasm_val_t args[], wasm_val_t results[]);
void wasm_func_delete(wasm_func_t *func);

wasm_externkind_t wasm_extern_kind(const wasm_extern_t *external);
wasm_extern_t *wasm_func_as_extern(wasm_func_t *func);
wasm_func_t *wasm_extern_as_func(wasm_extern_t *external);

typedef struct wasm_instance_t wasm_instance_t;

wasm_instance_t *wasm_instance_new(wasm_store_t *store, const wasm_module_t *module,
                                   const wasm_extern_t *const imports[], wasm_trap_t **trap);
void wasm_instance_exports(const wasm_instance_t *instance, wasm_extern_vec_t *out);
void wasm_instance_delete(wasm_instance_t *instance);

#undef WASM_SAMPLE_VECTOR

#ifdef __cplusplus
}
#endif
