// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/progress.hpp"
#include "image/layer_cache.hpp"
#include "image/sealed.hpp"
#include "push/uploads.hpp"

namespace wasmx::push {

/// The layers of one push: those that the registry has or is being sent, and those that are being made, which are
/// uploaded and kept in the cache as they come.
class Layers {
public:
    /// All of these outlive it.
    Layers(image::LayerCache& cache, Uploads& uploads, const io::Compression& compression)
        : cache_(cache), uploads_(uploads), compression_(compression) {}
    Layers(const Layers&) = delete;
    Layers& operator=(const Layers&) = delete;

    /// By diff ID.
    const std::map<Digest, oci::Descriptor>& known() const noexcept { return known_; }
    std::optional<oci::Descriptor> find(const Digest& diff_id) const;
    /// The registry has these.
    void add(std::map<Digest, oci::Descriptor> found) { known_.merge(std::move(found)); }
    /// What an earlier push has sealed, and did not get away.
    void upload_from_cache(const Digest& diff_id);
    /// From here on layers come from the engine.
    void begin() { known_before_ = known_.size(); }
    /// For whoever makes layers. `is_cached_as_it_is`: also what the engine stores compressed, since it takes its time
    /// to hand it over again.
    image::SealHooks hooks(bool is_cached_as_it_is = true);
    /// Throws away what the cache gave and is not what it should be; false when all was well.
    bool drop_damaged(Progress& progress);

private:
    class Outgoing;

    image::LayerCache& cache_;
    Uploads& uploads_;
    const io::Compression compression_;
    std::map<Digest, oci::Descriptor> known_;
    std::vector<std::pair<oci::Descriptor, io::Body>> from_cache_;
    std::size_t known_before_ = 0;
};

}  // namespace wasmx::push
