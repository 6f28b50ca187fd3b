// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.hpp"

namespace wasmx::recipe {

/// Labels of our images. (OCI image-spec, annotations.md)
inline constexpr std::string_view revision_label = "org.opencontainers.image.revision";
inline constexpr std::string_view version_label = "org.opencontainers.image.version";
inline constexpr std::string_view base_name_label = "org.opencontainers.image.base.name";
inline constexpr std::string_view base_digest_label = "org.opencontainers.image.base.digest";

/// How the comment of our steps in an image's history begins. (OCI image-spec, config.md: history)
inline constexpr std::string_view step_comment = "wasmx-image ";
/// Whether it is the comment of a step of ours; podman writes one of its own, of the image that the step began with.
bool is_step_of_ours(std::string_view comment);

/// What an image was made from, or is going to be.
struct Provenance {
    std::string revision;          ///< the module's commit; empty: nothing pins it
    std::string version;           ///< of the runtime
    std::string base_name;         ///< the base image, as it was asked for
    std::string base_tree;         ///< git's id of the folder it was built from; empty: it does not say
    std::vector<Digest> diff_ids;  ///< of an image: all its layers; of one to be: those of the base, as far as known
};
Provenance provenance_of(const std::map<std::string, std::string>& labels, std::vector<Digest> diff_ids);

/// What makes an image another than the one that is wanted, in words ("commit 1a2b3c4d5e6f instead of 6f5e4d3c2b1a").
/// Empty: commit, version and base are the same. One without a commit is never the same.
std::vector<std::string> differences(const Provenance& image, const Provenance& wanted);

}  // namespace wasmx::recipe
