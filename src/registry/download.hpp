// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "registry/session.hpp"

namespace wasmx::registry {

/// "bytes 1000-1999/2000": where a part begins, and how long the whole is. (RFC 9110, 14.4)
struct Part {
    std::uint64_t first = 0;
    std::optional<std::uint64_t> whole;
};
std::optional<Part> find_part(std::string_view content_range);

/// The bytes of a blob, not verified yet. A download that breaks off goes on where it was (`Range`), with the usual
/// patience. The session outlives the stream. The first request is made at once: what the registry has not is an error
/// here and not at the first read.
io::SourcePtr download(Session& session, const oci::Descriptor& blob);

}  // namespace wasmx::registry
