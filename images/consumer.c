/* SPDX-License-Identifier: Apache-2.0 */
/* What a user of a packaged runtime does first: include its headers, link its libraries, start an engine, and run a
   module: a function that returns, and one that traps. With WASMX_V8, what comes with V8 only. */
#include <stdio.h>
#include <wasm.h>
#ifdef WASMX_V8
#include <v8bridge.h>
#endif

/* (module (func (export "f") (result i32) i32.const 42) (func (export "g") (result i32) unreachable)) */
static const char module_bytes[] = {0, 'a', 's', 'm', 1, 0, 0, 0,               /* magic, version 1 */
                                    1, 5, 1, 0x60, 0, 1, 0x7f,                  /* a type: () -> i32 */
                                    3, 3, 2, 0, 0,                              /* two functions of it */
                                    7, 9, 2, 1, 'f', 0, 0, 1, 'g', 0, 1,        /* exported as f and g */
                                    10, 10, 2, 4, 0, 0x41, 42, 0x0b,            /* i32.const 42, end */
                                    3, 0, 0x00, 0x0b};                          /* unreachable, end */

/* The C API has this macro since its functions take vectors (2020); the API of 2019, which V8 kept for years, takes
   arrays of a size that the callee knows. */
#ifdef WASM_EMPTY_VEC
static wasm_instance_t *instantiate(wasm_store_t *store, const wasm_module_t *module, wasm_trap_t **trap) {
    const wasm_extern_vec_t imports = WASM_EMPTY_VEC;
    return wasm_instance_new(store, module, &imports, trap);
}
static wasm_trap_t *call(const wasm_func_t *function, wasm_val_t *result) {
    const wasm_val_vec_t arguments = WASM_EMPTY_VEC;
    wasm_val_vec_t results;
    results.size = 1;
    results.data = result;
    return wasm_func_call(function, &arguments, &results);
}
#else
static wasm_instance_t *instantiate(wasm_store_t *store, const wasm_module_t *module, wasm_trap_t **trap) {
    return wasm_instance_new(store, module, NULL, trap);
}
static wasm_trap_t *call(const wasm_func_t *function, wasm_val_t *result) {
    return wasm_func_call(function, NULL, result);
}
#endif

/* What is wrong; NULL when nothing is. */
static const char *run(wasm_store_t *store) {
    wasm_byte_vec_t binary, message;
    wasm_extern_vec_t exports;
    wasm_module_t *module;
    wasm_instance_t *instance;
    wasm_trap_t *trap = NULL;
    wasm_val_t result;
    size_t length = 0;

    wasm_byte_vec_new(&binary, sizeof module_bytes, module_bytes);
    if (!wasm_module_validate(store, &binary)) return "the engine takes a valid module for an invalid one";
    module = wasm_module_new(store, &binary);
    if (module == NULL) return "a valid module cannot be compiled";
    instance = instantiate(store, module, &trap);
    if (instance == NULL || trap != NULL) return "a module without imports cannot be instantiated";
    wasm_instance_exports(instance, &exports);
    if (exports.size != 2 || wasm_extern_kind(exports.data[0]) != WASM_EXTERN_FUNC ||
        wasm_extern_kind(exports.data[1]) != WASM_EXTERN_FUNC)
        return "an instance does not export the two functions of its module";

    result.kind = WASM_I32;
    result.of.i32 = 0;
    trap = call(wasm_extern_as_func(exports.data[0]), &result);
    if (trap != NULL || result.kind != WASM_I32 || result.of.i32 != 42) return "a function that returns 42 does not";

    trap = call(wasm_extern_as_func(exports.data[1]), &result);
    if (trap == NULL) return "unreachable does not trap";
    wasm_trap_message(trap, &message);
    while (length < message.size && message.data[length] != '\0' && message.data[length] != '\n') ++length;
    if (length == 0) return "a trap has no message";
    printf("a module ran in it: a function returned 42, unreachable trapped (%.*s)\n", (int)length, message.data);

    wasm_byte_vec_delete(&message);
    wasm_trap_delete(trap);
    wasm_extern_vec_delete(&exports);
    wasm_instance_delete(instance);
    wasm_module_delete(module);
    wasm_byte_vec_delete(&binary);
    return NULL;
}

int main(void) {
    const char *wrong;
    wasm_engine_t *engine;
    wasm_store_t *store;

#ifdef WASMX_V8
    /* As ngx_wasm_module starts it (src/wasm/wrt/ngx_wrt_v8.c). */
    ngx_v8_set_flags("--no-liftoff --single-threaded --stack-trace-limit 32");
    ngx_v8_enable_wasm_trap_handler(1);
#endif
    engine = wasm_engine_new();
    store = engine != NULL ? wasm_store_new(engine) : NULL;
    wrong = store != NULL ? run(store) : "the engine does not start";
    if (wrong != NULL) {
        fprintf(stderr, "%s\n", wrong);
        return 1;
    }
    wasm_store_delete(store);
    wasm_engine_delete(engine);
    return 0;
}
