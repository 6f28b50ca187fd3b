// SPDX-License-Identifier: Apache-2.0
#include <ctime>

#include "doctor/scene.hpp"

namespace wasmx::doctor {

const Measurement& Scene::measurement() {
    std::call_once(measured_once_, [this] {
        if (request.touch == Request::Touch::nothing) {
            measurement_.why_not = "a dry run starts no container";
            return;
        }
        const auto* there = engine.find();
        if (there == nullptr) {
            measurement_.why_not = "there is no engine";
            return;
        }
        try {
            measurement_.found = engine::measure(**there, info.need());
            measurement_.here = ::time(nullptr);
        } catch (const Error& error) {
            if (error.fault() == Fault::interrupted) throw;
            measurement_.why_not = error.message();
        }
    });
    return measurement_;
}

engine::Capacity Scene::capacity() {
    if (measurement().found) return measurement().found->capacity;
    const engine::Info& machine = info.need();
    return {
        .memory = machine.memory, .memory_from = "/info", .processors = machine.processors, .processors_from = "/info"};
}

}  // namespace wasmx::doctor
