// SPDX-License-Identifier: Apache-2.0
#include "push/push.hpp"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>

#include "base/text.hpp"
#include "engine/capacity.hpp"
#include "image/published.hpp"
#include "image/sealed.hpp"
#include "push/base_layers.hpp"
#include "push/choice.hpp"
#include "push/existing.hpp"
#include "push/folders.hpp"
#include "push/forward.hpp"
#include "push/layers.hpp"
#include "push/refused_types.hpp"
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
          info_(wanted.info),
          platform_(oci::Platform::from_architecture(info_.architecture).value_or(oci::Platform::of_this_machine())),
          engine_info_(wanted.engine_info),
          layer_type_(image::layer_type_of(wanted.compression)),
          uploads_(repository, progress, wanted.parallel),
          layers_(cache, uploads_, wanted.compression) {}

    Digest run() {
        // While the registry is asked.
        if (!engine_info_.valid())
            engine_info_ = std::async(std::launch::async, [this] { return engine_.info(); }).share();
        if (wanted_.via == Via::engine) return pushed_by_engine();
        std::optional<image::Sealed> sealed;
        if (hands_over_compressed()) {
            sealed = forwarded();
            if (!sealed && wanted_.via == Via::automatic) {
                if (const auto digest = pushed_by_engine_if_possible()) return *digest;
            }
        }
        if (!sealed) sealed = compressed_here();
        const Digest digest = put(*sealed);
        tell(fmt::format("{} of {} layers were there{}, {} sent{}", existed_, info_.diff_ids.size(),
                         mounted_ == 0 ? "" : fmt::format(", {} mounted", mounted_.load()), human_bytes(sent_.bytes),
                         way_));
        return digest;
    }

    bool drop_damaged() { return layers_.drop_damaged(progress_); }

private:
    // containerd's store holds layers compressed, and hands them over as they are; its export is slower than its push.
    bool hands_over_compressed() {
        if (wanted_.via != Via::automatic && wanted_.via != Via::relay) return false;
        if (!engine_info().containerd_store) return false;
        const bool is_usual = wanted_.compression.kind == io::Compression::Kind::gzip && !wanted_.compression.level;
        if (!is_usual && wanted_.via == Via::relay)
            throw Error(Fault::failed, "--via relay takes the layers as containerd's store has them compressed",
                        "--via export compresses them otherwise; --via auto chooses");
        return is_usual;
    }

    // Its layers are taken, its manifest is replaced: ours is OCI's, and annotated.
    Digest pushed_by_engine() {
        admit();
        const Digest theirs = engine_.push(wanted_.target, wanted_.registry_auth(), progress_);
        return in_context("pushing " + wanted_.target.familiar(), [&] {
            const auto published = image::open_published(repository_, wanted_.target.with_digest(theirs), platform_);
            // The engine pushes by name, and another build may have moved it.
            if (published.config.diff_ids != info_.diff_ids || published.config.labels != info_.labels)
                throw Error(Fault::integrity, fmt::format("the engine pushed {}, which is another image than {}",
                                                          theirs.str(), wanted_.image));
            std::vector<oci::Descriptor> forms;
            for (const oci::Descriptor& layer : published.manifest.layers) forms.push_back(image::oci_form(layer));
            const Digest digest = put(sealed_of(published.config_json, forms));
            tell("the layers by the engine");
            return digest;
        });
    }

    std::optional<Digest> pushed_by_engine_if_possible() {
        try {
            return pushed_by_engine();
        } catch (const Error& error) {
            if (error.fault() == Fault::interrupted) throw;
            progress_.warn(fmt::format("the image is exported instead: {}", error.message()));
            return std::nullopt;
        }
    }

    // Of layers that the engine compressed we know only afterwards which is which.
    image::Sealed sealed_of(std::string config, const std::vector<oci::Descriptor>& forms) {
        image::Sealed out{.config = std::move(config), .layers = {}};
        for (std::size_t i = 0; i < info_.diff_ids.size(); ++i) {
            cache_.remember(info_.diff_ids[i], forms[i]);
            out.layers.push_back({info_.diff_ids[i], forms[i], {}});
        }
        return out;
    }

    // The engine asks for each layer, by a digest that only it knows, so nothing is asked beforehand.
    std::optional<image::Sealed> forwarded() {
        if (wanted_.via != Via::relay && !engine::find_local_process(engine_.endpoint(), engine_info()))
            return std::nullopt;
        image::SealHooks layers = layers_.hooks(false);
        layers.known = [&](const Digest& diff_id) {
            look();
            layers_.upload_from_cache(diff_id);
            return layers_.find(diff_id);
        };
        const auto prepare = [&] {
            admit();
            return true;
        };
        return taken("pushes it by itself", layers, prepare, [&](const TakingHooks& taking) {
            const auto has_blob = [&](const Digest& digest) { return has_or_mounts(digest); };
            auto got = forward_image(engine_, info_, platform_, taking, has_blob, progress_);
            if (!got) return std::optional<image::Sealed>();
            existed_ = got->there - std::min<std::size_t>(got->there, mounted_);
            return std::optional(sealed_of(std::move(got->config), got->layers));
        });
    }

    bool has_or_mounts(const Digest& digest) {
        if (repository_.has_blob(digest)) return true;
        if (!wanted_.base || !repository_.mount_blob(digest, wanted_.base->repository())) return false;
        ++mounted_;
        return true;
    }

    image::Sealed compressed_here() {
        std::optional<image::Sealed> sealed;
        if (may_read_folders()) {
            see();
            if (!find_whole() && are_folders_quicker(layers_.known())) take_folders();
        } else if (is_partly_remembered() && may_relay()) {  // the engine gets ready while the registry is asked
            sealed = relayed();
        }
        if (!sealed) {
            see();
            sealed = find_whole();
        }
        if (!sealed && !has_relayed_ && may_relay() && is_relay_wanted()) sealed = relayed();
        return sealed ? *std::move(sealed) : exported();
    }

    void admit() { (void)wanted_.admitted.get(); }

    // What is to be compressed is then known.
    void see() {
        look();
        if (std::exchange(has_seen_, true) || find_whole()) return;
        if (wanted_.base && existed_ < info_.diff_ids.size()) mount_from_base();
        for (const Digest& diff_id : info_.diff_ids) layers_.upload_from_cache(diff_id);
    }

    // As after a change of what comes last.
    bool is_partly_remembered() {
        const auto count = std::count_if(info_.diff_ids.begin(), info_.diff_ids.end(),
                                         [&](const Digest& diff_id) { return !cache_.forms_of(diff_id).empty(); });
        return count > 0 && static_cast<std::size_t>(count) < info_.diff_ids.size();
    }

    // What the registry has.
    void look() {
        if (std::exchange(has_looked_, true)) return;
        admit();
        layers_.add(find_existing(repository_, info_.diff_ids, layer_type_, cache_));
        existed_ = layers_.known().size();
    }

    // The engine has pulled the base by that digest, and then held each layer of the manifest against its diff ID: so
    // it is known which blob is which. A label alone is the word of whoever made the image.
    std::vector<Digest> layers_of_pulled_base() {
        const std::string name = wanted_.base->familiar_name() + "@" + wanted_.base->digest()->str();
        const auto base = engine_.find_image(name);
        if (!base || !base->has_repo_digest(name)) return {};
        return base->diff_ids;
    }

    void mount_from_base() {
        const auto verified = layers_of_pulled_base();
        if (verified.empty()) return;
        const auto is_wanted = [&](const Digest& diff_id, const oci::Descriptor& form) {
            return !layers_.known().contains(diff_id) && form.media_type == layer_type_;
        };
        const auto mounted = mount_base_layers(repository_, *wanted_.base_repository, *wanted_.base, platform_,
                                               info_.diff_ids, verified, is_wanted, progress_);
        for (const auto& [diff_id, form] : mounted) cache_.remember(diff_id, form);
        mounted_ += mounted.size();
        layers_.add(mounted);
    }

    // Most engines call an image by its config's digest. With that here or in the registry, and all layers on their
    // way, there is nothing to ask the engine for.
    std::optional<image::Sealed> find_whole() {
        if (is_any_missing()) return std::nullopt;
        const auto id = Digest::try_parse(info_.id);
        const auto config = id ? cache_.find_config(*id, image::largest_config) : std::nullopt;
        if (!config || oci::ImageConfig::parse(*config).diff_ids != info_.diff_ids) return std::nullopt;
        image::Sealed sealed{.config = *config, .layers = {}};
        for (const Digest& diff_id : info_.diff_ids)
            sealed.layers.push_back({diff_id, layers_.known().at(diff_id), {}});
        return sealed;
    }

    image::Sealed exported() {
        way_ = way_.empty() ? ", by export" : ", by folders and export";  // if only for the config
        layers_.begin();
        const std::string platform = engine_info().containerd_store ? platform_.docker_platform() : "";
        return in_context("exporting " + wanted_.image + " from the engine", [&] {
            return image::seal_export(*engine_.export_image(info_.id, platform), progress_, layers_.hooks());
        });
    }

    // Of what is likely to be missing; then the registry is asked first.
    bool may_read_folders() {
        if (wanted_.via == Via::folders && info_.layer_folders.empty())
            throw Error(Fault::failed, "--via folders needs Docker with its overlay2 store",
                        "--via auto takes what is best for this engine");
        if (wanted_.via == Via::folders && !may_relay())
            throw Error(Fault::failed, "--via folders needs an engine on this machine",
                        "--via auto takes what is best for this engine");
        if ((wanted_.via != Via::folders && wanted_.via != Via::automatic) || info_.layer_folders.empty() ||
            !may_relay())
            return false;
        std::map<Digest, oci::Descriptor> remembered;
        for (const Digest& diff_id : info_.diff_ids)
            if (const auto forms = cache_.forms_of(diff_id); !forms.empty()) remembered.emplace(diff_id, forms.front());
        return are_folders_quicker(remembered);
    }

    bool are_folders_quicker(const std::map<Digest, oci::Descriptor>& known) {
        return wanted_.via == Via::folders || missing_beside(known).missing >= least_in_folders;
    }

    // The config is left for the relay to get, and what was not built there.
    void take_folders() {
        FromFolders got = seal_folders(engine_, info_, sizes(), layers_.hooks(), progress_);
        tidied_ = std::move(got.tidied);
        uploads_.check();
        const bool is_all = got.count > 0 && !is_any_missing();
        if (!is_all && wanted_.via == Via::folders)
            throw Error(Fault::failed,
                        fmt::format("not all layers of {} are to be had by --via folders", wanted_.image),
                        "the engine has not built them, or does not give them; --via auto gets them another way");
        if (got.count > 0) way_ = is_all ? ", by folders" : ", by folders and";
    }

    bool is_any_missing() const {
        return std::any_of(info_.diff_ids.begin(), info_.diff_ids.end(),
                           [&](const Digest& diff_id) { return !layers_.known().contains(diff_id); });
    }

    // Unless the folders gave everything.
    void take_way(std::string_view way) {
        if (way_.empty()) way_ = ", by";
        if (way_ != ", by folders") way_ += fmt::format(" {}", way);
    }

    const std::vector<std::uint64_t>& history() {
        if (history_.empty()) history_ = engine_.history_sizes(info_.id);
        return history_;
    }

    std::map<Digest, std::uint64_t> sizes() {
        std::map<Digest, std::uint64_t> out;
        const auto sizes = layer_sizes(history(), info_.diff_ids.size());
        for (std::size_t i = 0; i < sizes.size(); ++i) out.emplace(info_.diff_ids[i], sizes[i]);
        return out;
    }

    Volume missing_beside(const std::map<Digest, oci::Descriptor>& known) {
        std::vector<bool> is_missing;
        for (const Digest& diff_id : info_.diff_ids) is_missing.push_back(!known.contains(diff_id));
        return volume_of(history(), is_missing);
    }

    const engine::Info& engine_info() { return engine_info_.get(); }

    // Docker calls an image by its config, and pushes layer by layer.
    bool may_relay() {
        const bool has_relay = !engine_.identity().podman && !engine_info().containerd_store;
        if (wanted_.via == Via::relay && !has_relay)
            throw Error(Fault::failed, "--via relay needs Docker, not podman",
                        "--via auto takes what is best for this engine");
        if (wanted_.via == Via::relay) return true;
        if (wanted_.via == Via::folders && !has_relay) return false;
        return (wanted_.via == Via::automatic || wanted_.via == Via::folders) && has_relay &&
               engine::find_local_process(engine_.endpoint(), engine_info());
    }

    // Once it is seen what is missing.
    bool is_relay_wanted() {
        if (!is_relay_wanted_) is_relay_wanted_ = !find_whole() && (wanted_.via == Via::relay || is_by_relay_quicker());
        return *is_relay_wanted_;
    }

    bool is_by_relay_quicker() {
        return is_relay_quicker(missing_beside(layers_.known()), std::thread::hardware_concurrency());
    }

    std::optional<image::Sealed> relayed() {
        has_relayed_ = true;
        const auto prepare = [&] {
            see();
            return is_relay_wanted();
        };
        return taken("exports the image", layers_.hooks(), prepare, [&](const TakingHooks& taking) {
            auto config = relay_image(engine_, info_, taking, progress_);
            if (!config) return std::optional<image::Sealed>();
            image::Sealed out{.config = *std::move(config), .layers = {}};
            for (const Digest& diff_id : info_.diff_ids)
                out.layers.push_back({diff_id, layers_.known().at(diff_id), {}});
            return std::optional(std::move(out));
        });
    }

    // By an endpoint of ours. What fails there may work another way, which is told, unless it was asked for.
    std::optional<image::Sealed> taken(std::string_view otherwise, const image::SealHooks& layers,
                                       const std::function<bool()>& prepare,
                                       const std::function<std::optional<image::Sealed>(const TakingHooks&)>& take) {
        std::exception_ptr ours;  // what went wrong on our side goes wrong the other way, too
        const TakingHooks hooks{.layers = layers,
                                .prepare =
                                    [&] {
                                        try {
                                            return prepare();
                                        } catch (...) {
                                            ours = std::current_exception();
                                            return false;
                                        }
                                    },
                                .config = [&](const std::string& config) { upload_config(config); },
                                .check = [&] { check_uploads(); }};
        std::optional<image::Sealed> sealed;
        try {
            sealed = in_context("taking " + wanted_.image + " from the engine", [&] { return take(hooks); });
        } catch (const Error& error) {
            if (wanted_.via == Via::relay || error.fault() == Fault::interrupted) throw;
            uploads_.check();  // an upload that failed fails by the other way as well
            progress_.warn(
                fmt::format("the engine does not hand over its layers, and {}: {}", otherwise, error.message()));
        }
        if (ours) std::rethrow_exception(ours);
        if (sealed) take_way("relay");
        return sealed;
    }

    // When one has failed, whoever asks the registry meanwhile need not wait for it.
    void check_uploads() {
        try {
            uploads_.check();
        } catch (...) {
            repository_.interrupt();
            throw;
        }
    }

    Digest put(const image::Sealed& sealed) {
        return in_context("pushing " + wanted_.target.familiar(), [&] {
            oci::Manifest manifest = sealed.manifest();
            manifest.annotations = wanted_.admitted.get();
            upload_config(sealed.config);
            sent_ = uploads_.finish();
            try {
                return repository_.put_manifest(wanted_.target.tag().value_or("latest"), manifest.json(),
                                                manifest.media_type);
            } catch (const registry::Refused& refused) {
                std::string hint = hint_of_refused_types(refused, manifest);
                if (hint.empty()) throw;
                throw refused.with_hint(std::move(hint));
            }
        });
    }

    void upload_config(const std::string& config) {
        const oci::Descriptor blob = image::config_descriptor(config);
        if (std::exchange(config_digest_, blob.digest) == blob.digest) return;
        // Before the uploads are over: a push that is killed now needs nothing of the engine the next time.
        cache_.keep_config(config);
        uploads_.add("config", blob, io::body_of(config));
    }

    void tell(const std::string& what) {
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
        progress_.note(fmt::format("pushed:  {}, in {}", what, human_seconds(seconds)));
    }

    // With less the engine is through before a container is made and removed.
    static constexpr std::uint64_t least_in_folders = 4 << 20;

    engine::Engine& engine_;
    registry::Repository& repository_;
    image::LayerCache& cache_;
    const Wanted& wanted_;
    Progress& progress_;
    const engine::ImageInfo& info_;
    const oci::Platform platform_;
    std::shared_future<engine::Info> engine_info_;
    const std::string_view layer_type_;
    std::vector<std::uint64_t> history_;
    std::future<void> tidied_;
    const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    std::size_t existed_ = 0;
    std::atomic<std::size_t> mounted_ = 0;
    bool has_looked_ = false;
    bool has_seen_ = false;
    bool has_relayed_ = false;
    std::optional<bool> is_relay_wanted_;
    Digest config_digest_;  // of the one that is there or on its way
    std::string way_;       // nothing when the engine was not asked for any byte
    Sent sent_;
    Uploads uploads_;
    Layers layers_;
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
