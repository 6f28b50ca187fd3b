// SPDX-License-Identifier: Apache-2.0
#include "store/store.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/text.hpp"
#include "store/kinds.hpp"

namespace wasmx::store {

std::unique_ptr<Store> open_store(engine::Engine& engine, const engine::Info& engine_info,
                                  const engine::ImageInfo& image, const oci::Platform& platform, std::string& why) {
    if (engine.identity().podman) {
        why = "podman's store is not read";
        return nullptr;
    }
    try {
        if (engine_info.containerd_store) return open_containerd(engine, engine_info.root, image, platform);
        if (engine_info.storage_driver == "overlay2") return open_overlay2(engine, engine_info.root, image);
        why = fmt::format("the engine's storage driver is {}, and only overlay2 and containerd's store are read",
                          printable(engine_info.storage_driver));
    } catch (const Error& error) {
        if (error.fault() == Fault::interrupted) throw;
        why = error.message();
    }
    return nullptr;
}

}  // namespace wasmx::store
