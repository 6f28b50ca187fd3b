// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/progress.hpp"
#include "image/layer_cache.hpp"
#include "image/sealed.hpp"
#include "push/uploads.hpp"

namespace wasmx::push {

/// The layers of one push: those that the registry has or is being sent, and those that are being made, which are
/// uploaded and kept in the cache as they come. Layers may be made by several threads.
class Layers {
public:
    /// All of these outlive it.
    Layers(image::LayerCache& cache, Uploads& uploads, const io::Compression& compression)
        : cache_(cache), uploads_(uploads), compression_(compression) {}
    Layers(const Layers&) = delete;
    Layers& operator=(const Layers&) = delete;

    /// By diff ID.
    std::optional<oci::Descriptor> find(const Digest& diff_id) const;
    /// The registry has these.
    void add(std::map<Digest, oci::Descriptor> found);
    /// The compressed bytes of a layer that an earlier push has left in the cache.
    struct Cached {
        oci::Descriptor form;
        io::Body body;
    };
    std::optional<Cached> find_cached(const Digest& diff_id);
    /// Uploads those; false when there are none, or the layer is known already. The registry has been asked, and does
    /// not have it.
    bool upload_from_cache(const Digest& diff_id);
    /// The same of a blob of the engine's.
    void upload_blob(const Digest& diff_id, const oci::Descriptor& form, io::Body body);
    /// From here on an export gives the layers, in an order of its own and perhaps without saying which.
    void begin_export();
    /// For whoever seals layers.
    image::SealHooks hooks();
    /// Throws away what the cache gave and is not what it should be; false when all was well.
    bool drop_damaged(Progress& progress);

private:
    class Outgoing;

    image::LayerCache& cache_;
    Uploads& uploads_;
    const io::Compression compression_;
    mutable std::mutex mutex_;
    std::map<Digest, oci::Descriptor> known_;
    std::vector<std::pair<oci::Descriptor, io::Body>> from_cache_;
    std::size_t known_before_export_ = 0;
};

}  // namespace wasmx::push
