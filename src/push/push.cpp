// SPDX-License-Identifier: Apache-2.0
#include "push/push.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include "base/parallel.hpp"
#include "base/text.hpp"
#include "image/published.hpp"
#include "image/sealed.hpp"
#include "push/base_layers.hpp"
#include "push/existing.hpp"
#include "push/layers.hpp"
#include "push/leftovers.hpp"
#include "push/refused_types.hpp"
#include "push/uploads.hpp"
#include "store/store.hpp"

namespace wasmx::push {

namespace {

/// One push: what is known of the layers, and the uploads that are under way.
class Push {
public:
    Push(engine::Engine& engine, registry::Repository& repository, image::LayerCache& cache, const PushOptions& options,
         Progress& progress)
        : engine_(engine),
          repository_(repository),
          cache_(cache),
          options_(options),
          progress_(progress),
          info_(options.info),
          platform_(oci::Platform::from_architecture(info_.architecture).value_or(oci::Platform::of_this_machine())),
          layer_type_(image::layer_type_of(options.compression)),
          uploads_(repository, progress, options.parallel),
          layers_(cache, uploads_, options.compression) {}

    PushResult run() {
        // The engine gets ready while the registry is asked.
        if (!all_remembered()) open_store();
        (void)options_.admitted.get();
        query_registry(remembered_forms());
        if (options_.base && is_any_missing()) mount_from_base();
        std::optional<image::Sealed> sealed = sealed_from_cache();
        if (!sealed) sealed = sealed_from_engine();
        const Digest digest = publish(*sealed);
        PushResult result = result_of(*sealed, digest);
        report(result);
        return result;
    }

    bool drop_damaged() { return layers_.drop_damaged(progress_); }

private:
    using Forms = std::vector<std::pair<Digest, oci::Descriptor>>;

    std::set<Digest> unique_layers() const { return {info_.diff_ids.begin(), info_.diff_ids.end()}; }

    // The compressed forms that earlier pushes have made.
    Forms remembered_forms() {
        Forms out;
        for (const Digest& diff_id : unique_layers())
            for (oci::Descriptor& form : cache_.forms_of(diff_id))
                if (form.media_type == layer_type_) out.emplace_back(diff_id, std::move(form));
        return out;
    }

    bool all_remembered() {
        return std::all_of(info_.diff_ids.begin(), info_.diff_ids.end(),
                           [&](const Digest& diff_id) { return !cache_.forms_of(diff_id).empty(); });
    }

    void query_registry(const Forms& forms) {
        auto found = find_existing(repository_, forms);
        for (const auto& [diff_id, form] : found) origins_[diff_id] = LayerOrigin::existed;
        layers_.add(std::move(found));
    }

    // With the config here and every layer in the registry or in the cache, the engine is not asked for a byte. Most
    // engines call an image by its config's digest.
    std::optional<image::Sealed> sealed_from_cache() {
        const auto config = cache_.find_config(Digest::parse(info_.id), image::largest_config);
        if (!config || oci::ImageConfig::parse(*config).diff_ids != info_.diff_ids) return std::nullopt;
        for (const Digest& diff_id : unique_layers()) upload_cached(diff_id);
        if (is_any_missing()) return std::nullopt;
        return sealed_with(*config);
    }

    void upload_cached(const Digest& diff_id) {
        if (layers_.upload_from_cache(diff_id)) origins_[diff_id] = LayerOrigin::cached;
    }

    image::Sealed sealed_with(std::string config) {
        image::Sealed out{.config = std::move(config), .layers = {}};
        for (const Digest& diff_id : info_.diff_ids) out.layers.push_back({diff_id, layers_.find(diff_id).value(), {}});
        return out;
    }

    image::Sealed sealed_from_engine() {
        store_ = take_store();
        if (store_) query_registry(missing_blobs_of_store());
        if (store_ && options_.base) mount_blobs_of_store();
        const auto routes = plan_routes(options_.via, layer_states());
        for (std::size_t i = 0; i < routes.size(); ++i)
            if (routes[i] == Route::upload_cached) upload_cached(info_.diff_ids[i]);
        read_stored_layers(routes);
        if (!is_any_missing() && store_) return sealed_with(store_->config());
        return exported();
    }

    void open_store() {
        if (options_.via == Via::exported || opening_.valid()) return;
        opening_ = std::async(std::launch::async, [this] {
            return store::open_store(engine_, engine_info(), info_, platform_, why_no_store_);
        });
    }

    // nullptr: the image is exported.
    std::unique_ptr<store::Store> take_store() {
        open_store();
        if (!opening_.valid()) return nullptr;
        auto store = opening_.get();
        if (!store && options_.via == Via::store)
            throw Error(Fault::failed, fmt::format("the engine's store cannot be read: {}", why_no_store_),
                        "--via auto falls back to export");
        if (!store && !engine_.identity().podman)
            progress_.warn(
                fmt::format("the engine's store cannot be read ({}); falling back to export", why_no_store_));
        return store;
    }

    engine::Info engine_info() const {
        return options_.engine_info.valid() ? options_.engine_info.get() : engine_.info();
    }

    Forms missing_blobs_of_store() {
        Forms out;
        std::set<Digest> seen;
        for (std::size_t i = 0; i < info_.diff_ids.size(); ++i) {
            const Digest& diff_id = info_.diff_ids[i];
            const auto blob = store_->blob(i);
            if (blob && is_compressed(*blob) && !layers_.find(diff_id) && seen.insert(diff_id).second)
                out.emplace_back(diff_id, *blob);
        }
        return out;
    }

    static bool is_compressed(const oci::Descriptor& blob) {
        return blob.media_type == oci::media_type::oci_layer_gzip || blob.media_type == oci::media_type::oci_layer_zstd;
    }

    bool is_any_missing() const {
        return std::any_of(info_.diff_ids.begin(), info_.diff_ids.end(),
                           [&](const Digest& diff_id) { return !layers_.find(diff_id); });
    }

    // The engine has pulled the base by that digest, and then held each layer of the manifest against its diff ID: so
    // it is known which blob is which. A label alone is the word of whoever made the image.
    std::vector<Digest> layers_of_pulled_base() {
        const std::string name = options_.base->familiar_name() + "@" + options_.base->digest()->str();
        const auto base = engine_.find_image(name);
        if (!base || !base->has_repo_digest(name)) return {};
        return base->diff_ids;
    }

    void mount_from_base() {
        const auto verified = layers_of_pulled_base();
        if (verified.empty()) return;
        const auto is_wanted = [&](const Digest& diff_id, const oci::Descriptor& form) {
            return !layers_.find(diff_id) && form.media_type == layer_type_;
        };
        const auto mounted = mount_base_layers(repository_, *options_.base_repository, *options_.base, platform_,
                                               info_.diff_ids, verified, is_wanted, progress_);
        for (const auto& [diff_id, form] : mounted) {
            cache_.remember(diff_id, form);
            origins_[diff_id] = LayerOrigin::mounted;
        }
        layers_.add(mounted);
    }

    // The digest says which blob it is, wherever it comes from.
    void mount_blobs_of_store() {
        for (const auto& [diff_id, blob] : missing_blobs_of_store()) {
            if (!repository_.mount_blob(blob.digest, options_.base->repository(), blob.size)) continue;
            origins_[diff_id] = LayerOrigin::mounted;
            layers_.add({{diff_id, blob}});
        }
    }

    std::vector<LayerState> layer_states() {
        constexpr unsigned questions_at_once = 4;
        std::vector<LayerState> out;
        for (const Digest& diff_id : info_.diff_ids)
            out.push_back({.diff_id = diff_id,
                           .exists = layers_.find(diff_id).has_value(),
                           .is_cached = layers_.find_cached(diff_id).has_value()});
        if (store_)
            run_all(out.size(), questions_at_once, [&](std::size_t i) {
                if (!out[i].exists && !out[i].is_cached) out[i].is_stored = store_->has_layer(i);
            });
        return out;
    }

    void read_stored_layers(const std::vector<Route>& routes) {
        constexpr unsigned at_once = 2;  // the next one is opened while the last of one is compressed
        std::vector<std::size_t> layers;
        for (std::size_t i = 0; i < routes.size(); ++i)
            if (routes[i] == Route::read_store) layers.push_back(i);
        std::mutex mutex;
        run_all(layers.size(), at_once, [&](std::size_t i) {
            if (!read_from_store(layers[i])) return;
            const std::lock_guard lock(mutex);
            origins_[info_.diff_ids[layers[i]]] = LayerOrigin::store;
        });
    }

    // False: its bytes are not those of the layer, and an export has to give them.
    bool read_from_store(std::size_t layer) {
        const Digest& diff_id = info_.diff_ids[layer];
        if (const auto blob = store_->blob(layer); blob && is_compressed(*blob)) {
            cache_.remember(diff_id, *blob);
            layers_.upload_blob(diff_id, *blob, {.size = blob->size, .open = [store = store_.get(), layer] {
                                                     return store->open_layer(layer).bytes;
                                                 }});
            return true;
        }
        try {
            in_context(fmt::format("reading layer {} from the engine's store", diff_id.short_id()), [&] {
                auto [size, tar] = store_->open_layer(layer);
                image::seal_layer(std::move(tar), size, diff_id, layers_.hooks(), progress_);
            });
            return true;
        } catch (const Error& error) {
            uploads_.check();
            const bool is_of_the_store = error.fault() == Fault::integrity || error.fault() == Fault::not_found;
            if (!is_of_the_store || options_.via == Via::store) throw;
            progress_.warn(fmt::format("layer {} cannot be read from the engine's store ({}); falling back to export",
                                       diff_id.short_id(), error.message()));
            return false;
        }
    }

    image::Sealed exported() {
        layers_.begin_export();
        const std::string platform = engine_info().containerd_store ? platform_.docker_platform() : "";
        return in_context("exporting " + options_.image + " from the engine", [&] {
            return image::seal_export(*engine_.export_image(info_.id, platform), progress_, layers_.hooks());
        });
    }

    Digest publish(const image::Sealed& sealed) {
        return in_context("pushing " + options_.target.familiar(), [&] {
            oci::Manifest manifest = sealed.manifest();
            manifest.annotations = options_.admitted.get();
            // Before the uploads are over: a push that is killed now needs nothing of the engine the next time.
            cache_.keep_config(sealed.config);
            uploads_.add("config", manifest.config, io::body_of(sealed.config));
            sent_ = uploads_.finish();
            tidy_up();
            try {
                return repository_.put_manifest(options_.target.tag().value_or("latest"), manifest.json(),
                                                manifest.media_type);
            } catch (const registry::Refused& refused) {
                std::string hint = hint_of_refused_types(refused, manifest);
                if (hint.empty()) throw;
                throw refused.with_hint(std::move(hint));
            }
        });
    }

    // The container that read the store is removed while the manifest is pushed.
    void tidy_up() {
        if (!store_ && !opening_.valid()) return;
        tidied_ = std::async(std::launch::async, [this] {
            if (opening_.valid()) (void)opening_.get();
            store_.reset();
            remove_leftovers(engine_);
        });
    }

    PushResult result_of(const image::Sealed& sealed, const Digest& digest) const {
        PushResult out{.reference = options_.target.with_digest(digest).familiar(),
                       .digest = digest,
                       .layers = {},
                       .sent = sent_.bytes,
                       .seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count()};
        for (const image::Layer& layer : sealed.layers) {
            const auto origin = origins_.find(layer.diff_id);
            out.layers.push_back(
                {layer.diff_id, layer.descriptor, origin == origins_.end() ? LayerOrigin::exported : origin->second});
        }
        return out;
    }

    void report(const PushResult& result) const {
        std::map<LayerOrigin, std::set<Digest>> by_origin;
        for (const PushedLayer& layer : result.layers) by_origin[layer.origin].insert(layer.diff_id);
        const std::size_t mounted = by_origin[LayerOrigin::mounted].size();
        std::string way;
        if (!by_origin[LayerOrigin::store].empty()) way = ", by store";
        if (!by_origin[LayerOrigin::exported].empty()) way += way.empty() ? ", by export" : " and export";
        progress_.note(fmt::format("pushed:  {} of {} layers already existed{}, {} sent{}, in {}",
                                   by_origin[LayerOrigin::existed].size(), unique_layers().size(),
                                   mounted == 0 ? "" : fmt::format(", {} mounted", mounted), human_bytes(result.sent),
                                   way, human_seconds(result.seconds)));
    }

    engine::Engine& engine_;
    registry::Repository& repository_;
    image::LayerCache& cache_;
    const PushOptions& options_;
    Progress& progress_;
    const engine::ImageInfo& info_;
    const oci::Platform platform_;
    const std::string_view layer_type_;
    const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    std::string why_no_store_;
    std::future<std::unique_ptr<store::Store>> opening_;
    std::unique_ptr<store::Store> store_;  // outlives the uploads, which read from it
    std::future<void> tidied_;
    std::map<Digest, LayerOrigin> origins_;  // of those that were not exported
    Sent sent_;
    Uploads uploads_;
    Layers layers_;
};

}  // namespace

PushResult push_image(engine::Engine& engine, registry::Repository& repository, image::LayerCache& cache,
                      const PushOptions& options, Progress& progress) {
    {
        Push push(engine, repository, cache, options, progress);
        try {
            return push.run();
        } catch (const Error& error) {
            if (error.fault() != Fault::integrity || !push.drop_damaged()) throw;
        }
    }
    return Push(engine, repository, cache, options, progress).run();
}

}  // namespace wasmx::push
