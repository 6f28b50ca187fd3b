// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "registry/session.hpp"

namespace wasmx::registry {

/// The bytes of a blob, not verified yet. A download that breaks off goes on where it was (`Range`), with the usual
/// patience. The session outlives the stream. The first request is made at once: what the registry has not is an error
/// here and not at the first read.
io::SourcePtr download(Session& session, const oci::Descriptor& blob);

}  // namespace wasmx::registry
