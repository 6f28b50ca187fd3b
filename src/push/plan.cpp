// SPDX-License-Identifier: Apache-2.0
#include "push/plan.hpp"

#include <fmt/format.h>

#include <set>

#include "base/error.hpp"

namespace wasmx::push {

namespace {

Route route_of(Via via, const LayerState& layer) {
    if (layer.exists) return Route::skip;
    if (layer.is_cached) return Route::upload_cached;
    if (layer.is_stored && via != Via::exported) return Route::read_store;
    if (via == Via::store)
        throw Error(Fault::failed, fmt::format("the engine's store lacks the layer {}", layer.diff_id.str()),
                    "--via auto reads such a layer by export");
    return Route::read_export;
}

}  // namespace

std::vector<Route> plan_routes(Via via, const std::vector<LayerState>& layers) {
    std::vector<Route> out;
    out.reserve(layers.size());
    std::set<Digest> seen;
    for (const LayerState& layer : layers)
        out.push_back(seen.insert(layer.diff_id).second ? route_of(via, layer) : Route::skip);
    return out;
}

}  // namespace wasmx::push
