// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "io/json.hpp"
#include "push/push.hpp"

namespace wasmx::push {

namespace {

using Json = nlohmann::ordered_json;

constexpr int schema_version = 1;

std::string_view name_of(LayerOrigin origin) {
    switch (origin) {
        case LayerOrigin::existed: return "existed";
        case LayerOrigin::mounted: return "mounted";
        case LayerOrigin::cached: return "cached";
        case LayerOrigin::store: return "store";
        case LayerOrigin::exported: break;
    }
    return "export";
}

}  // namespace

std::string json_of(const PushResult& result) {
    Json out{{"schema_version", schema_version}, {"reference", result.reference}, {"digest", result.digest.str()},
             {"layers", Json::array()},          {"bytes_sent", result.sent},     {"seconds", result.seconds}};
    for (const PushedLayer& layer : result.layers)
        out["layers"].push_back({{"diff_id", layer.diff_id.str()},
                                 {"digest", layer.blob.digest.str()},
                                 {"media_type", layer.blob.media_type},
                                 {"size", layer.blob.size},
                                 {"origin", name_of(layer.origin)}});
    return io::json_text(out, 2);
}

}  // namespace wasmx::push
