// SPDX-License-Identifier: Apache-2.0
#include "bridge.h"

#include <v8.h>

int ngx_v8_enable_wasm_trap_handler(int use_v8_signal_handler) {
    return v8::V8::EnableWebAssemblyTrapHandler(use_v8_signal_handler != 0) ? 1 : 0;
}

void ngx_v8_set_flags(const char *flags) { v8::V8::SetFlagsFromString(flags); }
