// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/digest.hpp"

namespace wasmx::oci {

/// (OCI image-spec, media-types.md; Docker's are its elder siblings with the same JSON)
namespace media_type {
inline constexpr std::string_view oci_index = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view oci_manifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view oci_config = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view oci_layer_tar = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view oci_layer_gzip = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view oci_layer_zstd = "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr std::string_view docker_config = "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view docker_list = "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view docker_manifest = "application/vnd.docker.distribution.manifest.v2+json";
/// The same bytes as `oci_layer_tar`, `oci_layer_gzip` and `oci_layer_zstd`.
inline constexpr std::string_view docker_layer_tar = "application/vnd.docker.image.rootfs.diff.tar";
inline constexpr std::string_view docker_layer_gzip = "application/vnd.docker.image.rootfs.diff.tar.gzip";
inline constexpr std::string_view docker_layer_zstd = "application/vnd.docker.image.rootfs.diff.tar.zstd";
}  // namespace media_type

using Annotations = std::map<std::string, std::string>;

/// (image-spec, descriptor.md)
struct Descriptor {
    std::string media_type;
    Digest digest;
    std::uint64_t size = 0;
    Annotations annotations;
    /// The bytes themselves, where the manifest has them ("data") and they are what digest and size say; else empty.
    std::string data{};
    bool operator==(const Descriptor&) const = default;
};

/// (image-spec, manifest.md)
struct Manifest {
    std::string media_type;
    Descriptor config;
    std::vector<Descriptor> layers;  ///< base first
    Annotations annotations;
    std::string artifact_type{};  ///< as it is stated

    /// Whether it is of an image that an engine would run, as opposed to an artifact; its config tells.
    bool is_image() const;
    /// Throws Fault::integrity.
    static Manifest parse(std::string_view json);
    /// The bytes that are pushed: the digest is taken of these.
    std::string json() const;
};

/// One row of an index.
struct IndexEntry {
    Descriptor descriptor;
    std::string os;
    std::string architecture;
    std::string variant;
    bool is_attestation = false;  ///< BuildKit's provenance, listed beside the images as unknown/unknown
};

/// (image-spec, image-index.md; Docker's manifest list)
struct Index {
    std::vector<IndexEntry> manifests;
    static Index parse(std::string_view json);
};

/// What a reference leads to. The kind is decided by `content_type`, or by mediaType in the JSON where that is missing.
std::variant<Manifest, Index> parse_manifest(std::string_view json, std::string_view content_type);

/// What an image's config hands on to whatever is built or run from it. (image-spec, config.md: config; the Engine API
/// has the same keys in GET /images/{name}/json: Config)
struct Inherited {
    std::string user;                      ///< empty: root
    std::vector<std::string> volumes;      ///< of VOLUME
    std::vector<std::string> on_build;     ///< instructions of ONBUILD (Docker's own, kept beside those of OCI)
    std::vector<std::string> environment;  ///< "NAME=value"
    bool has_no_command = false;           ///< neither Cmd nor Entrypoint
    /// Throws what nlohmann::json throws.
    static Inherited from(const nlohmann::json& config);
};

/// (image-spec, config.md) The parts that we read; the bytes themselves are passed on as they are.
struct ImageConfig {
    struct History {
        std::string created_by;
        bool empty_layer = false;
        std::string comment{};
    };
    std::string os;
    std::string architecture;
    std::string created;           ///< RFC 3339
    std::vector<Digest> diff_ids;  ///< base first, one for each layer
    std::vector<History> history;
    std::map<std::string, std::string> labels;
    Inherited inherited;
    static ImageConfig parse(std::string_view json);
};

}  // namespace wasmx::oci
