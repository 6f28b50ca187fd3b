// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "wasm.h"

void wasm_byte_vec_new_empty(wasm_byte_vec_t *out) { *out = {0, nullptr}; }

void wasm_byte_vec_new_uninitialized(wasm_byte_vec_t *out, size_t size) {
    *out = {size, size != 0 ? new wasm_byte_t[size] : nullptr};
}

void wasm_byte_vec_new(wasm_byte_vec_t *out, size_t size, const wasm_byte_t data[]) {
    wasm_byte_vec_new_uninitialized(out, size);
    if (size != 0) {
        std::memcpy(out->data, data, size);
    }
}

void wasm_byte_vec_copy(wasm_byte_vec_t *out, const wasm_byte_vec_t *from) {
    wasm_byte_vec_new(out, from->size, from->data);
}

void wasm_byte_vec_delete(wasm_byte_vec_t *vec) {
    delete[] vec->data;
    *vec = {0, nullptr};
}
