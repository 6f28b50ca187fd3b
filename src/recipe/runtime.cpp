// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <array>

#include "base/error.hpp"
#include "base/text.hpp"
#include "recipe/recipe.hpp"

namespace wasmx::recipe {

namespace {

constexpr std::array<std::string_view, 4> v8_files{"include/v8bridge.h", "include/wasm.h", "lib/libv8bridge.a",
                                                   "lib/libwee8.a"};
constexpr std::array<std::string_view, 1> v8_compile_flags{"-DWASMX_V8"};
constexpr std::array<std::string_view, 7> v8_link_line{"-lv8bridge", "-lwee8",   "-ldl",    "-lm",
                                                       "-lpthread",  "-lstdc++", "-latomic"};

// What the module calls to run a filter of one host function (src/wasm/wrt/ngx_wrt_v8.c), of the C API of 2019: V8
// defines all of it from 10.5 to 13.x, in one object (src/wasm/c-api.cc). What it calls to look at types, memories
// and frames is in the same object. wasm_engine_delete is not among them: the module never ends its engine.
constexpr std::array<std::string_view, 25> v8_wasm_functions{
    "wasm_engine_new",        "wasm_store_new",       "wasm_module_new",      "wasm_instance_new",
    "wasm_func_call",         "wasm_module_validate", "wasm_module_delete",   "wasm_instance_exports",
    "wasm_instance_delete",   "wasm_store_delete",    "wasm_config_new",      "wasm_config_delete",
    "wasm_func_new_with_env", "wasm_func_as_extern",  "wasm_func_delete",     "wasm_functype_new",
    "wasm_extern_kind",       "wasm_extern_as_func",  "wasm_trap_new",        "wasm_trap_message",
    "wasm_trap_delete",       "wasm_byte_vec_new",    "wasm_byte_vec_delete", "wasm_byte_vec_new_uninitialized",
    "wasm_extern_vec_delete"};
constexpr std::array<std::string_view, 2> v8_bridge_functions{"ngx_v8_enable_wasm_trap_handler", "ngx_v8_set_flags"};
constexpr std::array v8_called{CalledFunctions{"lib/libwee8.a", v8_wasm_functions},
                               CalledFunctions{"lib/libv8bridge.a", v8_bridge_functions}};

constexpr std::array facts{
    RuntimeFacts{.runtime = Runtime::v8,
                 .name = "v8",
                 .makefile_variable = "V8",
                 .files = v8_files,
                 .compile_flags = v8_compile_flags,
                 .link_line = v8_link_line,
                 .builtins_library = "lib/libwee8.a",
                 .called = v8_called},
};

// Runtimes that the module knows, and of which there is no package.
struct Unsupported {
    std::string_view name;
    std::string_view why;
};
constexpr std::array unsupported{
    // wasmtime issue 7567: the static library is made by another crate since.
    Unsupported{"wasmtime", "the module's util/runtimes/wasmtime.sh builds no library of wasmtime 15 or later"},
    Unsupported{"wasmer", "the module's util/runtimes/wasmer.sh is for wasmer 3.1 of 2023"},
};

}  // namespace

const RuntimeFacts& facts_of(Runtime runtime) { return facts[static_cast<std::size_t>(runtime)]; }

Runtime parse_runtime(std::string_view text) {
    for (const RuntimeFacts& known : facts)
        if (text == known.name) return known.runtime;
    const std::string name = lower(printable(text));
    for (const Unsupported& other : unsupported)
        if (name == other.name)
            throw Error(Fault::usage, fmt::format("--runtime {} is not supported: {}", name, other.why),
                        fmt::format("{} publishes packages of its own; `NGX_WASM_RUNTIME={} make setup` in the module "
                                    "downloads one",
                                    name, name));
    throw Error(Fault::usage, fmt::format("--runtime knows no \"{}\"", printable(text)), "the runtime is v8");
}

}  // namespace wasmx::recipe
