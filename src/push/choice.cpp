// SPDX-License-Identifier: Apache-2.0
#include "push/choice.hpp"

#include <algorithm>
#include <numeric>

namespace wasmx::push {

namespace {

// Bytes each second, Docker 20.10 to 28 with overlay2. An export is first written to the engine's disk, all of it: 14 s
// for 1.6 GB. A push compresses with Go's gzip, one processor for each layer, and a layer that is there costs nothing.
constexpr double export_rate = 100e6;
constexpr double push_rate = 25e6;
constexpr std::size_t most_pushed_at_once = 5;  // dockerd's max-concurrent-uploads

}  // namespace

std::vector<std::uint64_t> layer_sizes(const std::vector<std::uint64_t>& history, std::size_t layers) {
    std::vector<std::uint64_t> sizes;
    std::copy_if(history.rbegin(), history.rend(), std::back_inserter(sizes), [](auto size) { return size > 0; });
    if (sizes.size() != layers) sizes.clear();
    return sizes;
}

Volume volume_of(const std::vector<std::uint64_t>& history, const std::vector<bool>& is_missing) {
    Volume out;
    out.image = std::accumulate(history.begin(), history.end(), std::uint64_t{0});
    out.layers = static_cast<std::size_t>(std::count(is_missing.begin(), is_missing.end(), true));
    if (const auto sizes = layer_sizes(history, is_missing.size()); !sizes.empty()) {
        for (std::size_t i = 0; i < sizes.size(); ++i)
            if (is_missing[i]) out.missing += sizes[i];
        return out;
    }
    std::vector<std::uint64_t> sizes;  // of layers with something in them, the top one first
    std::copy_if(history.begin(), history.end(), std::back_inserter(sizes), [](auto size) { return size > 0; });
    // Some layers are empty, nobody says which: of the n layers from the top, the sizes are among the first n.
    const auto lowest = std::find(is_missing.begin(), is_missing.end(), true);
    const auto count = std::min(static_cast<std::size_t>(is_missing.end() - lowest), sizes.size());
    out.missing = std::accumulate(sizes.begin(), sizes.begin() + static_cast<std::ptrdiff_t>(count), std::uint64_t{0});
    return out;
}

bool is_relay_quicker(const Volume& volume, unsigned processors) {
    const std::size_t at_once = std::clamp<std::size_t>(volume.layers, 1, most_pushed_at_once);
    const double rate = push_rate * static_cast<double>(std::min<std::size_t>(at_once, std::max(processors, 1U)));
    return static_cast<double>(volume.missing) / rate < static_cast<double>(volume.image) / export_rate;
}

}  // namespace wasmx::push
