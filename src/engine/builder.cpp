// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "base/text.hpp"
#include "engine/engine.hpp"

namespace wasmx::engine {

Release release_of(std::string_view version) {
    Release out{};
    std::size_t i = 0;
    const auto number = [&] {
        int value = 0;
        for (; i < version.size() && version[i] >= '0' && version[i] <= '9' && value < 100000; ++i)
            value = value * 10 + (version[i] - '0');
        return value;
    };
    for (int& part : out) {
        part = number();
        if (i < version.size() && version[i] == '.') ++i;
    }
    return out;
}

Builder choose_builder(const Identity& identity, const Info& info) {
    const std::string wish = environment("DOCKER_BUILDKIT");
    const bool is_refused = wish == "0" || wish == "f" || lower(wish) == "false";
    if (identity.podman || is_refused || (!identity.buildkit && wish.empty())) return Builder::classic;
    // Until 27.5 BuildKit over containerd's store looked for the context on the network (moby 623af65208).
    const bool lost_context = info.containerd_store && release_of(info.version) < Release{27, 5};
    return lost_context ? Builder::classic : Builder::buildkit;
}

}  // namespace wasmx::engine
