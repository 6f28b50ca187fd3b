// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <type_traits>

#include "wasm.h"
#include "wasm/function.h"

namespace {

void delete_element(wasm_byte_t) {}
void delete_element(wasm_valtype_t *type) { wasm_valtype_delete(type); }
void delete_element(wasm_extern_t *external) { delete external; }

template <class Vec>
void make(Vec *out, size_t size) {
    out->size = size;
    out->data = size != 0 ? new std::remove_pointer_t<decltype(out->data)>[size]() : nullptr;
}

template <class Vec>
void destroy(Vec *vec) {
    std::for_each(vec->data, vec->data + vec->size, [](auto element) { delete_element(element); });
    delete[] vec->data;
    *vec = {0, nullptr};
}

}  // namespace

#define DEFINE_VECTOR(name, element)                                                                     \
    void wasm_##name##_vec_new_empty(wasm_##name##_vec_t *out) { *out = {0, nullptr}; }                  \
    void wasm_##name##_vec_new_uninitialized(wasm_##name##_vec_t *out, size_t size) { make(out, size); } \
    void wasm_##name##_vec_new(wasm_##name##_vec_t *out, size_t size, element const data[]) {            \
        make(out, size);                                                                                 \
        std::copy(data, data + size, out->data);                                                         \
    }                                                                                                    \
    void wasm_##name##_vec_delete(wasm_##name##_vec_t *vec) { destroy(vec); }

DEFINE_VECTOR(byte, wasm_byte_t)
DEFINE_VECTOR(valtype, wasm_valtype_t *)
DEFINE_VECTOR(extern, wasm_extern_t *)

void wasm_byte_vec_copy(wasm_byte_vec_t *out, const wasm_byte_vec_t *from) {
    wasm_byte_vec_new(out, from->size, from->data);
}
