/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

/* The flags of V8 that C cannot set through wasm.h. */
int ngx_v8_enable_wasm_trap_handler(int use_v8_signal_handler);
void ngx_v8_set_flags(const char *flags);

#ifdef __cplusplus
}
#endif
