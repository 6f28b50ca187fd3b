// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "store/store.hpp"

namespace wasmx::store {

/// Docker's overlay2 driver, from 1.10 on: a layer's files in a folder, and tar-split's recipe of its tar. `root` is
/// the engine's DockerRootDir. Errors are Fault::failed, Fault::denied, Fault::not_found or Fault::integrity.
/// (moby, layer/filestore.go, image/fs.go)
std::unique_ptr<Store> open_overlay2(engine::Engine& engine, const std::string& root, const engine::ImageInfo& image);

/// containerd's content store: each manifest, config and layer a file named by its digest. Tried where Docker's own
/// containerd has it, then where the system's has it. (containerd, docs/content-flow.md)
std::unique_ptr<Store> open_containerd(engine::Engine& engine, const std::string& root, const engine::ImageInfo& image,
                                       const oci::Platform& platform);

}  // namespace wasmx::store
