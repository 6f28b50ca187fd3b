// SPDX-License-Identifier: Apache-2.0
#pragma once
// store: the layers of an image as Docker's own store keeps them, read through the Engine API. It knows where Docker
// keeps what, and no registry.

#include <memory>
#include <optional>
#include <string>

#include "engine/engine.hpp"
#include "io/stream.hpp"
#include "oci/manifest.hpp"
#include "oci/platform.hpp"

namespace wasmx::store {

struct OpenLayer {
    std::uint64_t size = 0;  ///< bytes; of a tar that is put together, of its files' contents alone
    io::SourcePtr bytes;
};

/// One image in the store. Its calls may come from several threads.
class Store {
public:
    Store() = default;
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;
    virtual ~Store() = default;

    /// The bytes of the image's config.
    virtual const std::string& config() const = 0;
    /// The blob that the store has of a layer (0: the base's first), compressed or a plain tar; nullopt where it keeps
    /// files instead.
    virtual std::optional<oci::Descriptor> blob(std::size_t layer) const = 0;
    /// Whether it has the bytes of a layer.
    virtual bool has_layer(std::size_t layer) = 0;
    /// The blob, or the layer's tar put together from its files. What is read counts only with the digest that `blob`
    /// says, or with the layer's diff ID: files may have been changed since. What the store lacks or cannot read is
    /// Fault::not_found or Fault::integrity, also while it is read.
    virtual OpenLayer open_layer(std::size_t layer) = 0;
};

/// Opens the store of Docker's overlay2 driver or of containerd, and finds the image in it. nullptr when the engine has
/// another store or does not let its store be read: `why` then says so.
std::unique_ptr<Store> open_store(engine::Engine& engine, const engine::Info& engine_info,
                                  const engine::ImageInfo& image, const oci::Platform& platform, std::string& why);

}  // namespace wasmx::store
