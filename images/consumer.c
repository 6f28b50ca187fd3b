/* SPDX-License-Identifier: Apache-2.0 */
/* What a user of a packaged runtime does first: include its headers, link its libraries, start an engine, and run a
   function of a module. With WASMX_V8, what comes with V8 only. */
#include <stdio.h>
#include <wasm.h>
#ifdef WASMX_V8
#include <v8bridge.h>
#endif

/* (module (func (export "f") (result i32) i32.const 42)) */
static const char module_bytes[] = {0, 'a', 's', 'm', 1, 0, 0, 0,      /* magic, version 1 */
                                    1, 5, 1, 0x60, 0, 1, 0x7f,         /* a type: () -> i32 */
                                    3, 2, 1, 0,                        /* a function of it */
                                    7, 5, 1, 1, 'f', 0, 0,             /* exported as f */
                                    10, 6, 1, 4, 0, 0x41, 42, 0x0b};   /* i32.const 42, end */

/* The C API has this macro since its functions take vectors; a header without it has less, or takes something else. */
#ifdef WASM_EMPTY_VEC
static int call(wasm_store_t *store, const wasm_byte_vec_t *binary) {
    wasm_extern_vec_t imports = WASM_EMPTY_VEC, exports = WASM_EMPTY_VEC;
    wasm_val_vec_t arguments = WASM_EMPTY_VEC, results;
    wasm_val_t result;
    wasm_trap_t *trap = NULL;
    wasm_module_t *module = wasm_module_new(store, binary);
    wasm_instance_t *instance = module != NULL ? wasm_instance_new(store, module, &imports, &trap) : NULL;
    const wasm_func_t *function;

    if (instance == NULL) return -1;
    wasm_instance_exports(instance, &exports);
    function = exports.size == 1 ? wasm_extern_as_func(exports.data[0]) : NULL;
    if (function == NULL) return -1;
    result.kind = WASM_I32;
    result.of.i32 = 0;
    results.size = 1;
    results.data = &result;
    trap = wasm_func_call(function, &arguments, &results);
    if (trap != NULL) return -1;
    wasm_extern_vec_delete(&exports);
    wasm_instance_delete(instance);
    wasm_module_delete(module);
    return result.of.i32;
}
#endif

int main(void) {
    wasm_byte_vec_t binary;
    wasm_engine_t *engine;
    wasm_store_t *store;

#ifdef WASMX_V8
    ngx_v8_set_flags("--no-liftoff");
    ngx_v8_enable_wasm_trap_handler(1);
#endif
    engine = wasm_engine_new();
    store = engine != NULL ? wasm_store_new(engine) : NULL;
    if (store == NULL) {
        fputs("the engine does not start\n", stderr);
        return 1;
    }
    wasm_byte_vec_new(&binary, sizeof module_bytes, module_bytes);
    if (!wasm_module_validate(store, &binary)) {
        fputs("the engine takes a valid module for an invalid one\n", stderr);
        return 1;
    }
#ifdef WASM_EMPTY_VEC
    if (call(store, &binary) != 42) {
        fputs("a function that returns 42 does not\n", stderr);
        return 1;
    }
    puts("a module ran in it");
#else
    puts("a module was validated by it");
#endif
    wasm_byte_vec_delete(&binary);
    wasm_store_delete(store);
    wasm_engine_delete(engine);
    return 0;
}
