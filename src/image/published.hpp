// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "oci/manifest.hpp"
#include "oci/platform.hpp"
#include "oci/reference.hpp"
#include "registry/registry.hpp"

namespace wasmx::image {

inline constexpr std::uint64_t largest_config = 8 << 20;  ///< bytes; more is Fault::integrity

/// An image as a registry has it, for one platform.
struct Published {
    Digest digest;  ///< of the image manifest (not of an index above it)
    oci::Manifest manifest;
    oci::ImageConfig config;
    std::string config_json;  ///< its bytes, which its digest is of
};

/// The bytes of a blob, out of the manifest where that has them ("data"), else from the registry; verified either way.
/// (OCI image-spec, descriptor.md)
io::SourcePtr open_blob(registry::Repository& repository, const oci::Descriptor& blob);

/// A layer as a manifest of ours names it: without annotations, and Docker's type as OCI's, whose bytes are the same.
oci::Descriptor oci_form(oci::Descriptor layer);

/// Where manifests and configs are read from.
struct ManifestSource {
    /// By tag or digest; nullopt when there is none. The media type may be empty.
    std::function<std::optional<registry::FoundManifest>(const std::string& tag_or_digest)> find_manifest;
    std::function<io::SourcePtr(const oci::Descriptor& blob)> open_blob;
};

/// Follows a tag or digest through an index to the image for `platform`; nullopt when there is no such tag. An image
/// for other platforms, and an artifact that is no image, are Fault::not_found naming what there is.
std::optional<Published> find_published(const ManifestSource& source, const std::string& tag_or_digest,
                                        const oci::Platform& platform);
/// The same in a registry.
std::optional<Published> find_published(registry::Repository& repository, const oci::Reference& reference,
                                        const oci::Platform& platform);
/// The same, where no such tag is Fault::not_found.
Published open_published(registry::Repository& repository, const oci::Reference& reference,
                         const oci::Platform& platform);

}  // namespace wasmx::image
