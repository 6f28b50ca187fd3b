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

constexpr std::array facts{
    RuntimeFacts{.runtime = Runtime::v8,
                 .name = "v8",
                 .makefile_variable = "V8",
                 .files = v8_files,
                 .compile_flags = v8_compile_flags,
                 .link_line = v8_link_line,
                 .builtins_library = "lib/libwee8.a"},
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
