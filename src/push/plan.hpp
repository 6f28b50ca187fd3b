// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/digest.hpp"

namespace wasmx::push {

/// How layers are read from the engine. `store`: from its own store. `exported`: out of the archive that
/// `docker save` writes. `automatic`: from the store where that has them, else by export.
enum class Via { automatic, store, exported };

/// What is known of a layer before a push.
struct LayerState {
    Digest diff_id;
    bool exists = false;     ///< the registry has it
    bool is_cached = false;  ///< an earlier push has left its compressed bytes here
    bool is_stored = false;  ///< the engine's store has its bytes
};

/// What a push does with a layer.
enum class Route { skip, upload_cached, read_store, read_export };

/// One route for each layer. Of a layer that occurs more than once all but the first are skipped. With Via::store a
/// layer that has no other route is Fault::failed.
std::vector<Route> plan_routes(Via via, const std::vector<LayerState>& layers);

}  // namespace wasmx::push
