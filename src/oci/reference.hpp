// SPDX-License-Identifier: Apache-2.0
#pragma once
// oci: the values of the image world and their JSON: reference, platform, descriptor, manifest, index, image config.
// Pure: it reads no file and speaks to nobody.

#include <optional>
#include <string>
#include <string_view>

#include "base/digest.hpp"

namespace wasmx::oci {

/// `[registry/]repository[:tag][@digest]`, with Docker's defaults made explicit: no registry means docker.io, and a
/// bare docker.io name is below `library/`. (distribution/reference, the grammar in its package documentation)
class Reference {
public:
    /// Throws Fault::usage saying what is wrong. Without tag and digest the tag stays empty.
    static Reference parse(std::string_view text);

    const std::string& registry() const noexcept { return registry_; }      ///< "ghcr.io", "127.0.0.1:5000"
    const std::string& repository() const noexcept { return repository_; }  ///< "kong/ngx-wasm-runtimes"
    const std::optional<std::string>& tag() const noexcept { return tag_; }
    const std::optional<Digest>& digest() const noexcept { return digest_; }

    /// As people write it, without what is default: "wasmx-build-ubuntu", "ghcr.io/kong/x:1".
    std::string familiar() const;
    /// Everything spelt out: "docker.io/library/wasmx-build-ubuntu:latest".
    std::string str() const;
    /// The name alone, as people write it: familiar() without tag and digest.
    std::string familiar_name() const;
    Reference with_tag(std::string tag) const;
    Reference with_digest(const Digest& digest) const;
    /// What a manifest is asked for by: the digest if there is one, else the tag, else "latest".
    std::string manifest_key() const;

    bool operator==(const Reference&) const = default;

private:
    std::string registry_;
    std::string repository_;
    std::optional<std::string> tag_;
    std::optional<Digest> digest_;
};

}  // namespace wasmx::oci
