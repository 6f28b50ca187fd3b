// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <mutex>

struct wasm_engine_t {
    std::atomic<int> stores{0};
};

struct wasm_store_t {
    wasm_engine_t *engine;
    std::mutex mutex;
};
