/* SPDX-License-Identifier: Apache-2.0 */
/* What a user of a packaged V8 does first: include its headers, link its libraries, start an engine. */
#include <stdio.h>
#include <v8bridge.h>
#include <wasm.h>

int main(void) {
    static const char module[] = {0, 'a', 's', 'm', 1, 0, 0, 0};
    wasm_byte_vec_t binary;
    wasm_engine_t *engine;
    wasm_store_t *store;
    int valid, traps;

    ngx_v8_set_flags("--no-liftoff");
    traps = ngx_v8_enable_wasm_trap_handler(1);
    engine = wasm_engine_new();
    store = engine != NULL ? wasm_store_new(engine) : NULL;
    if (store == NULL) {
        fputs("consumer: no engine\n", stderr);
        return 1;
    }
    wasm_byte_vec_new(&binary, sizeof module, module);
    valid = wasm_module_validate(store, &binary);
    wasm_byte_vec_delete(&binary);
    wasm_store_delete(store);
    wasm_engine_delete(engine);
    printf("consumer: engine started, module %s, trap handler %s\n", valid ? "valid" : "invalid", traps ? "on" : "off");
    return valid ? 0 : 1;
}
