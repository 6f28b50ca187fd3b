// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "registry/session.hpp"

namespace wasmx::registry {

/// Opens an upload session and returns its URL. (distribution-spec, "Pushing blobs": POST then PUT)
std::string open_upload(Session& session);
/// Ends a session that is not needed; registries that cannot (ghcr.io answers 405) let it expire.
void cancel_upload(Session& session, const std::string& upload_url) noexcept;
/// One whole attempt: a new session and all the bytes. Returns when the registry has the blob.
void upload_blob(Session& session, const oci::Descriptor& blob, const io::Body& body);

/// Whether the registry has the blob. (distribution-spec, "Checking if content exists in the registry")
bool ask_for_blob(Session& session, const Digest& digest);

}  // namespace wasmx::registry
