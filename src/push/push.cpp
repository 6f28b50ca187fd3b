// SPDX-License-Identifier: Apache-2.0
#include "push/push.hpp"

#include <fmt/format.h>

#include <chrono>
#include <future>
#include <thread>

#include "base/text.hpp"
#include "engine/capacity.hpp"
#include "image/published.hpp"
#include "image/sealed.hpp"
#include "push/choice.hpp"
#include "push/existing.hpp"
#include "push/growing_blob.hpp"
#include "push/relay.hpp"
#include "push/uploads.hpp"

namespace wasmx::push {

namespace {

/// One push: what is known of the layers, and what is on its way.
class Push {
public:
    Push(engine::Engine& engine, registry::Repository& repository, image::LayerCache& cache, const Wanted& wanted,
         Progress& progress)
        : engine_(engine),
          repository_(repository),
          cache_(cache),
          wanted_(wanted),
          progress_(progress),
          layer_type_(image::layer_type_of(wanted.compression)),
          uploads_(repository, progress, wanted.parallel) {}

    Digest run() {
        const auto info = engine_.find_image(wanted_.image);
        if (!info) throw Error(Fault::not_found, fmt::format("the engine has no image {}", wanted_.image));
        // While the registry is asked.
        engine_info_ = std::async(std::launch::async, [this] { return engine_.info(); }).share();
        const auto platform =
            oci::Platform::from_architecture(info->architecture).value_or(oci::Platform::of_this_machine());
        const std::size_t count = info->diff_ids.size();
        known_ = find_existing(repository_, wanted_.target, platform, info->diff_ids, layer_type_, cache_);
        existed_ = known_.size();
        auto sealed = find_whole(*info);
        if (!sealed && is_for_engine()) return pushed_by_engine(*info, platform);
        if (wanted_.base && existed_ < count) mount_from_base(info->diff_ids, platform);
        for (const Digest& diff_id : info->diff_ids) upload_from_cache(diff_id);
        if (!sealed) sealed = find_whole(*info);
        if (!sealed) sealed = relayed(*info);
        if (!sealed) sealed = exported();
        const Digest digest = put(*sealed);
        tell(fmt::format("{} of {} layers were there{}, {} sent{}", existed_, count,
                         mounted_ == 0 ? "" : fmt::format(", {} mounted", mounted_), human_bytes(sent_.bytes), way_));
        return digest;
    }

    // Throws away what the cache gave and what is not what it should be; false when all was well.
    bool drop_damaged() {
        bool found = false;
        for (const auto& [blob, body] : from_cache_) {
            try {
                io::drain(*io::verified(body.open(), blob.digest, blob.size));
            } catch (const Error& error) {
                if (error.fault() != Fault::integrity) throw;
                progress_.warn(fmt::format("the cached layer {} is damaged, and made anew", blob.digest.brief()));
                cache_.drop(blob.digest);
                found = true;
            }
        }
        return found;
    }

private:
    // containerd's store holds layers compressed, and hands them over as they are; its export is slower than its push.
    bool is_for_engine() {
        if (wanted_.via != Via::automatic) return wanted_.via == Via::engine;
        const bool is_usual = wanted_.compression.kind == io::Compression::Kind::gzip && !wanted_.compression.level;
        return is_usual && engine_info().containerd_store;
    }

    // Its layers are taken, its manifest is replaced: ours is OCI's, and annotated.
    Digest pushed_by_engine(const engine::ImageInfo& info, const oci::Platform& platform) {
        const Digest theirs = engine_.push(wanted_.target, wanted_.registry_auth(), progress_);
        return in_context("pushing " + wanted_.target.familiar(), [&] {
            const auto published = image::open_published(repository_, wanted_.target.with_digest(theirs), platform);
            if (published.config.diff_ids != info.diff_ids)
                throw Error(Fault::integrity, fmt::format("the engine pushed {}, which has other layers than {}",
                                                          theirs.str(), wanted_.image));
            image::Sealed sealed{.config = published.config_json, .layers = {}};
            for (std::size_t i = 0; i < info.diff_ids.size(); ++i) {
                oci::Descriptor form = image::oci_form(published.manifest.layers[i]);
                cache_.remember(info.diff_ids[i], form);
                sealed.layers.push_back({info.diff_ids[i], std::move(form), {}});
            }
            const Digest digest = put(sealed);
            tell("the layers by the engine");
            return digest;
        });
    }

    // It only saves work: whatever is wrong with the base, its layers can be uploaded.
    void mount_from_base(const std::vector<Digest>& diff_ids, const oci::Platform& platform) {
        try {
            const auto base = image::find_published(*wanted_.base_repository, *wanted_.base, platform);
            if (!base) return;
            const std::size_t common = std::min(diff_ids.size(), base->config.diff_ids.size());
            for (std::size_t i = 0; i < common && diff_ids[i] == base->config.diff_ids[i]; ++i) {
                const oci::Descriptor form = image::oci_form(base->manifest.layers[i]);
                if (known_.contains(diff_ids[i]) || form.media_type != layer_type_) continue;
                const auto task = progress_.task(
                    fmt::format("mounting layer {} ({})", form.digest.brief(), human_bytes(form.size)), 0);
                if (!repository_.mount_blob(form.digest, wanted_.base->repository())) {
                    task->done("not possible");
                    continue;
                }
                task->done("mounted");
                cache_.remember(diff_ids[i], form);
                known_.emplace(diff_ids[i], form);
                ++mounted_;
            }
        } catch (const Error& error) {
            if (error.fault() == Fault::interrupted) throw;
        }
    }

    // What an earlier push has sealed, and did not get away.
    void upload_from_cache(const Digest& diff_id) {
        if (known_.contains(diff_id)) return;
        for (const oci::Descriptor& form : cache_.forms_of(diff_id)) {
            if (form.media_type != layer_type_) continue;
            auto body = cache_.find_blob(form);
            if (!body) continue;
            known_.emplace(diff_id, form);
            from_cache_.emplace_back(form, *body);
            return uploads_.add("layer", form, *std::move(body));
        }
    }

    // Most engines call an image by its config's digest. With that here or in the registry, and all layers on their
    // way, there is nothing to ask the engine for.
    std::optional<image::Sealed> find_whole(const engine::ImageInfo& info) {
        constexpr std::uint64_t largest_config = 8 << 20;
        for (const Digest& diff_id : info.diff_ids)
            if (!known_.contains(diff_id)) return std::nullopt;
        const auto id = Digest::try_parse(info.id);
        const auto config = id ? cache_.find_config(*id, largest_config) : std::nullopt;
        if (!config || oci::ImageConfig::parse(*config).diff_ids != info.diff_ids) return std::nullopt;
        image::Sealed sealed{.config = *config, .layers = {}};
        for (const Digest& diff_id : info.diff_ids) sealed.layers.push_back({diff_id, known_.at(diff_id), {}});
        return sealed;
    }

    /// A layer of the engine's on its way: it goes on while it is compressed, once it is certain that it is wanted.
    class Outgoing final : public image::LayerSink {
    public:
        explicit Outgoing(Push& push) : push_(push), blob_(push.cache_.new_file()) {}
        void write(std::span<const std::byte> bytes) override {
            push_.uploads_.check();
            blob_.write(bytes);
        }
        void begun(const std::optional<Digest>& diff_id, std::uint64_t size) override {
            // With nothing known beforehand whatever comes is wanted.
            if ((!diff_id && push_.known_before_ > 0) || size < least_streamed || size > most_streamed) return;
            push_.uploads_.add(diff_id ? "layer " + diff_id->hex().substr(0, 12) : "layer", blob_);
            is_under_way_ = true;
        }
        void sealed(const std::optional<Digest>& diff_id, const oci::Descriptor& form) override {
            // It may be there in another form, or twice in the image.
            const bool is_known = diff_id && push_.known_.contains(*diff_id);
            // Remembered first: what is killed once the registry has it is not to be sent again.
            if (!is_known) push_.cache_.keep(blob_.file(), form.digest);
            if (!is_known && diff_id) {
                push_.cache_.remember(*diff_id, form);
                push_.known_.emplace(*diff_id, form);
            }
            blob_.seal(form);
            if (!is_known && !is_under_way_) push_.uploads_.add("layer", form, body());
        }
        io::Body body() const override { return blob_.whole_body(); }

    private:
        // A small one is sealed before a request is through; a large one could be compressed for longer than ghcr.io
        // gives an upload, and takes less as a whole.
        static constexpr std::uint64_t least_streamed = 1 << 20;
        static constexpr std::uint64_t most_streamed = 4ULL << 30;

        Push& push_;
        GrowingBlob blob_;
        bool is_under_way_ = false;
    };

    image::SealHooks hooks() {
        return {.compression = wanted_.compression,
                .known =
                    [&](const Digest& diff_id) {
                        uploads_.check();
                        const auto found = known_.find(diff_id);
                        return found == known_.end() ? std::nullopt : std::optional(found->second);
                    },
                .new_sink = [&] { return std::make_unique<Outgoing>(*this); }};
    }

    image::Sealed exported() {
        way_ = ", by export";
        known_before_ = known_.size();
        return in_context("exporting " + wanted_.image + " from the engine",
                          [&] { return image::seal_export(*engine_.export_image(wanted_.image), progress_, hooks()); });
    }

    const engine::Info& engine_info() { return engine_info_.get(); }

    // Only such an engine calls an image by its config, and pushes layer by layer.
    bool has_relay() { return !engine_.identity().podman && !engine_info().containerd_store; }

    bool is_for_relay(const engine::ImageInfo& info) {
        if (wanted_.via != Via::automatic || !has_relay()) return false;
        if (!engine::find_local_process(engine_.endpoint(), engine_info())) return false;
        std::vector<bool> is_missing;
        for (const Digest& diff_id : info.diff_ids) is_missing.push_back(!known_.contains(diff_id));
        return is_relay_quicker(volume_of(engine_.history_sizes(info.id), is_missing),
                                std::thread::hardware_concurrency());
    }

    std::optional<image::Sealed> relayed(const engine::ImageInfo& info) {
        if (wanted_.via == Via::relay && !has_relay())
            throw Error(Fault::failed, "--via relay needs Docker with a store of its own, not podman or containerd's",
                        "--via auto takes what is best for this engine");
        if (wanted_.via != Via::relay && !is_for_relay(info)) return std::nullopt;
        try {
            return in_context("taking " + wanted_.image + " from the engine", [&] {
                image::Sealed sealed{.config = relay_image(
                                         engine_, info, hooks(), [&] { uploads_.check(); }, progress_),
                                     .layers = {}};
                for (const Digest& diff_id : info.diff_ids) sealed.layers.push_back({diff_id, known_.at(diff_id), {}});
                way_ = ", by relay";
                return sealed;
            });
        } catch (const Error& error) {
            if (wanted_.via == Via::relay || error.fault() == Fault::interrupted) throw;
            uploads_.check();  // an upload that failed fails by the other way as well
            progress_.warn(
                fmt::format("the engine does not hand over its layers, and exports the image: {}", error.message()));
            return std::nullopt;
        }
    }

    Digest put(const image::Sealed& sealed) {
        return in_context("pushing " + wanted_.target.familiar(), [&] {
            oci::Manifest manifest = sealed.manifest();
            manifest.annotations = wanted_.annotations;
            // Before the uploads are over: a push that is killed now needs nothing of the engine the next time.
            cache_.keep_config(sealed.config);
            uploads_.add("config", manifest.config, io::body_of(sealed.config));
            sent_ = uploads_.finish();
            return repository_.put_manifest(wanted_.target.tag().value_or("latest"), manifest.json(),
                                            manifest.media_type);
        });
    }

    void tell(const std::string& what) {
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
        progress_.note(fmt::format("pushed:  {}, in {}", what, human_seconds(seconds)));
    }

    engine::Engine& engine_;
    registry::Repository& repository_;
    image::LayerCache& cache_;
    const Wanted& wanted_;
    Progress& progress_;
    const std::string_view layer_type_;
    const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    std::map<Digest, oci::Descriptor> known_;  // by diff ID: what the registry has or is being sent
    std::vector<std::pair<oci::Descriptor, io::Body>> from_cache_;
    std::size_t known_before_ = 0;  // when the export began
    std::size_t existed_ = 0;
    std::size_t mounted_ = 0;
    std::string way_;  // nothing when the engine was not asked for any byte
    std::shared_future<engine::Info> engine_info_;
    Sent sent_;
    Uploads uploads_;
};

}  // namespace

Digest push_image(engine::Engine& engine, registry::Repository& repository, image::LayerCache& cache,
                  const Wanted& wanted, Progress& progress) {
    Push push(engine, repository, cache, wanted, progress);
    try {
        return push.run();
    } catch (const Error& error) {
        if (error.fault() != Fault::integrity || !push.drop_damaged()) throw;
    }
    return Push(engine, repository, cache, wanted, progress).run();
}

}  // namespace wasmx::push
