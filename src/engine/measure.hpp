// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/engine.hpp"

namespace wasmx::engine {

/// What a build may use, and who says so: "/info", or the file of the cgroup that allows less.
struct Capacity {
    std::uint64_t memory = 0;  ///< bytes
    std::string memory_from;
    std::uint64_t processors = 0;
    std::string processors_from;
};

/// What a container of the engine gets, seen from inside: what a build will have, wherever the engine runs, whoever
/// passes its socket on, and wherever it stores its containers.
struct Measured {
    std::uint64_t disk_size = 0;  ///< bytes of the file system that a container's root is on
    std::uint64_t disk_free = 0;  ///< those that may be written
    Capacity capacity;
    std::int64_t clock = 0;  ///< seconds since the epoch
};

/// Runs a program of ours in a container of an image of ours; both are gone when it returns. An engine that does not
/// let us is Fault::failed or denied, in its words.
Measured measure(Engine& engine, const Info& info);

/// What that program has printed (images/probe.cpp).
Measured measured_by(std::string_view output, const Info& info);

}  // namespace wasmx::engine
