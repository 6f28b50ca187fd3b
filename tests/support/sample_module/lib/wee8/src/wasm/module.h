// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace v8::internal::wasm {

struct Instruction {
    enum class Op { i32_const, unreachable };
    Op op;
    std::int32_t value = 0;
};

// Takes nothing, and returns so many numbers of 32 bits.
struct Function {
    std::size_t results = 0;
    std::vector<Instruction> code;
};

struct Module {
    std::vector<Function> functions;
    struct Export {
        std::string name;
        std::size_t function;
    };
    std::vector<Export> exports;
};

// nullopt when it is no valid module, or has what cannot be run here. (WebAssembly Core Specification, "Binary Format")
std::optional<Module> decode(std::string_view binary);

// The numbers that the function returns; nullopt when it traps.
std::optional<std::vector<std::int32_t>> run(const Function &function);

}  // namespace v8::internal::wasm
