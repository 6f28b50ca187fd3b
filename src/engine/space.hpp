// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/engine.hpp"

namespace wasmx::engine {

/// A file system, as statvfs tells it: bytes in all, and bytes that may be written.
struct Space {
    std::uint64_t size = 0;
    std::uint64_t free = 0;
    std::string from;  ///< who says so: "statvfs /var/lib/docker"
};

/// The file system where the engine stores images, seen from this machine; nullopt when the engine runs on another, or
/// in a container of which nothing can be seen from here.
std::optional<Space> find_local_space(const Endpoint& endpoint, const Info& info);
/// The same from inside: `df` in a container of an image that the engine has.
Space space_in_container(Engine& engine, const std::string& image);

}  // namespace wasmx::engine
