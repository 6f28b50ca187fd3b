// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <mutex>
#include <string>

#include "../engine.h"
#include "function.h"
#include "module.h"
#include "wasm.h"

namespace wasm = v8::internal::wasm;

struct wasm_trap_t {
    std::string message;
};

struct wasm_module_t {
    std::shared_ptr<const wasm::Module> module;
};

struct wasm_instance_t {
    std::shared_ptr<const wasm::Module> module;
};

namespace {

std::optional<wasm::Module> decoded(wasm_store_t *store, const wasm_byte_vec_t *binary) {
    const std::scoped_lock lock{store->mutex};
    return wasm::decode({binary->data, binary->size});
}

wasm_trap_t *call(const wasm::Function &function, wasm_val_t results[]) {
    const auto values = wasm::run(function);
    if (!values) return new wasm_trap_t{"Uncaught RuntimeError: unreachable"};
    for (std::size_t i = 0; i < values->size(); ++i) {
        results[i].kind = WASM_I32;
        results[i].of.i32 = (*values)[i];
    }
    return nullptr;
}

}  // namespace

wasm_trap_t *wasm_trap_new(wasm_store_t *, const wasm_message_t *message) {
    std::string text(message->data, message->size);
    return new wasm_trap_t{text.substr(0, text.find('\0'))};
}

void wasm_trap_message(const wasm_trap_t *trap, wasm_message_t *out) {
    wasm_byte_vec_new(out, trap->message.size() + 1, trap->message.c_str());
}

void wasm_trap_delete(wasm_trap_t *trap) { delete trap; }

bool wasm_module_validate(wasm_store_t *store, const wasm_byte_vec_t *binary) {
    return decoded(store, binary).has_value();
}

wasm_module_t *wasm_module_new(wasm_store_t *store, const wasm_byte_vec_t *binary) {
    auto module = decoded(store, binary);
    return module ? new wasm_module_t{std::make_shared<const wasm::Module>(std::move(*module))} : nullptr;
}

void wasm_module_delete(wasm_module_t *module) { delete module; }

wasm_func_t *wasm_func_new_with_env(wasm_store_t *, const wasm_functype_t *, wasm_func_callback_with_env_t callback,
                                    void *env, void (*finalizer)(void *)) {
    const std::shared_ptr<void> kept(env, [finalizer](void *given) {
        if (finalizer != nullptr) finalizer(given);
    });
    return new wasm_func_t(
        [=](const wasm_val_t args[], wasm_val_t results[]) { return callback(kept.get(), args, results); });
}

wasm_trap_t *wasm_func_call(const wasm_func_t *func, const wasm_val_t args[], wasm_val_t results[]) {
    return func->code(args, results);
}

void wasm_func_delete(wasm_func_t *func) { delete func; }

wasm_externkind_t wasm_extern_kind(const wasm_extern_t *) { return WASM_EXTERN_FUNC; }

wasm_extern_t *wasm_func_as_extern(wasm_func_t *func) { return func; }

wasm_func_t *wasm_extern_as_func(wasm_extern_t *external) { return static_cast<wasm_func_t *>(external); }

wasm_instance_t *wasm_instance_new(wasm_store_t *, const wasm_module_t *module, const wasm_extern_t *const[],
                                   wasm_trap_t **trap) {
    if (trap != nullptr) *trap = nullptr;
    return new wasm_instance_t{module->module};
}

void wasm_instance_exports(const wasm_instance_t *instance, wasm_extern_vec_t *out) {
    wasm_extern_vec_new_uninitialized(out, instance->module->exports.size());
    for (std::size_t i = 0; i < out->size; ++i)
        out->data[i] = new wasm_func_t([module = instance->module, function = instance->module->exports[i].function](
                                           const wasm_val_t[], wasm_val_t results[]) {
            return call(module->functions[function], results);
        });
}

void wasm_instance_delete(wasm_instance_t *instance) { delete instance; }
