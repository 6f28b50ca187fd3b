// SPDX-License-Identifier: Apache-2.0
#include "push/layers.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "push/growing_blob.hpp"

namespace wasmx::push {

std::optional<oci::Descriptor> Layers::find(const Digest& diff_id) const {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(diff_id);
    return found == known_.end() ? std::nullopt : std::optional(found->second);
}

void Layers::add(std::map<Digest, oci::Descriptor> found) {
    const std::lock_guard lock(mutex_);
    known_.merge(std::move(found));
}

void Layers::begin_export() {
    const std::lock_guard lock(mutex_);
    known_before_export_ = known_.size();
}

std::optional<Layers::Cached> Layers::find_cached(const Digest& diff_id) {
    for (const oci::Descriptor& form : cache_.forms_of(diff_id)) {
        if (form.media_type != image::layer_type_of(compression_)) continue;
        if (auto body = cache_.find_blob(form)) return Cached{form, *std::move(body)};
    }
    return std::nullopt;
}

bool Layers::upload_from_cache(const Digest& diff_id) {
    if (find(diff_id)) return false;
    auto cached = find_cached(diff_id);
    if (!cached) return false;
    from_cache_.emplace_back(cached->form, cached->body);
    upload_blob(diff_id, cached->form, std::move(cached->body));
    return true;
}

void Layers::upload_blob(const Digest& diff_id, const oci::Descriptor& form, io::Body body) {
    add({{diff_id, form}});
    uploads_.add("layer", form, std::move(body), Uploads::Registry::lacks_it);
}

/// A layer of the engine's on its way: it goes on while it is compressed, once it is certain that it is wanted.
class Layers::Outgoing final : public image::LayerSink {
public:
    explicit Outgoing(Layers& layers) : layers_(layers), blob_(layers.cache_.new_file()) {}
    void write(std::span<const std::byte> bytes) override {
        layers_.uploads_.check();
        blob_.write(bytes);
    }
    void begun(const std::optional<Digest>& id, std::uint64_t size) override {
        // With nothing known beforehand whatever comes is wanted.
        if ((!id && layers_.known_before_export_ > 0) || size < least_streamed || size > most_streamed) return;
        layers_.uploads_.add(id ? "layer " + id->short_id() : "layer", blob_);
        is_under_way_ = true;
    }
    void sealed(const std::optional<Digest>& diff_id, const oci::Descriptor& form) override {
        // It may be there in another form, or twice in the image.
        const bool is_known = diff_id && layers_.find(*diff_id);
        // Remembered first: what is killed once the registry has it is not to be sent again.
        if (!is_known) layers_.cache_.keep(blob_.file(), form.digest);
        if (!is_known && diff_id) {
            layers_.cache_.remember(*diff_id, form);
            layers_.add({{*diff_id, form}});
        }
        blob_.seal(form);
        if (!is_known && !is_under_way_) layers_.uploads_.add("layer", form, body());
    }
    io::Body body() const override { return blob_.whole_body(); }

private:
    // A small one is sealed before a request is through; a large one could be compressed for longer than ghcr.io
    // gives an upload, and takes less as a whole.
    static constexpr std::uint64_t least_streamed = 1 << 20;
    static constexpr std::uint64_t most_streamed = 4ULL << 30;

    Layers& layers_;
    GrowingBlob blob_;
    bool is_under_way_ = false;
};

image::SealHooks Layers::hooks() {
    return {.compression = compression_,
            .known =
                [this](const Digest& diff_id) {
                    uploads_.check();
                    return find(diff_id);
                },
            .new_sink = [this] { return std::make_unique<Outgoing>(*this); }};
}

bool Layers::drop_damaged(Progress& progress) {
    bool found = false;
    for (const auto& [blob, body] : from_cache_) {
        try {
            io::drain(*io::verified(body.open(), blob.digest, blob.size));
        } catch (const Error& error) {
            if (error.fault() != Fault::integrity) throw;
            progress.warn(fmt::format("the cached layer {} is damaged, and made anew", blob.digest.brief()));
            cache_.drop(blob.digest);
            found = true;
        }
    }
    return found;
}

}  // namespace wasmx::push
