// SPDX-License-Identifier: Apache-2.0
#include "push/forward.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <variant>

#include "base/text.hpp"
#include "image/platform_choice.hpp"
#include "image/published.hpp"
#include "push/engine_push.hpp"

namespace wasmx::push {

namespace {

constexpr std::uint64_t largest_manifest = 4 << 20;  // (distribution-spec, "Pushing manifests")
constexpr std::size_t most_manifests = 64;

// "application/vnd.oci.image.layer.v1.tar+gzip, */*": what the engine asks for says what it is about to send.
bool is_layer_type(std::string_view accept) {
    return accept.find("image.layer.") != std::string_view::npos ||
           accept.find("rootfs.diff.tar") != std::string_view::npos;
}

class Forward {
public:
    Forward(engine::Engine& engine, const engine::ImageInfo& image, const oci::Platform& platform,
            const TakingHooks& hooks, const std::function<bool(const Digest&)>& has_blob, Progress& progress)
        : image_(image),
          platform_(platform),
          hooks_(hooks),
          has_blob_(has_blob),
          progress_(progress),
          push_(engine, image, io::LoopbackServer::Ahead::much) {}

    std::optional<Forwarded> run() {
        const bool is_wanted = push_.run({.prepare = hooks_.prepare,
                                          .answer =
                                              [&](io::LoopbackRequest& request, std::string_view what) {
                                                  push_.await_ready();
                                                  return answer(request, what);
                                              },
                                          .listen = [](const engine::PushEvent&) {},
                                          .is_over = [] { return false; },  // it ends with the engine
                                          .check = hooks_.check});
        if (!is_wanted) return std::nullopt;
        const oci::Manifest manifest = chosen();
        if (manifest.layers.size() != image_.diff_ids.size())
            throw Error(Fault::integrity, fmt::format("the engine pushed an image of {} layers, and {} has {}",
                                                      manifest.layers.size(), image_.id, image_.diff_ids.size()));
        if (!config_ || config_digest_ != manifest.config.digest)
            throw Error(Fault::integrity, fmt::format("the engine pushed {} without its config", image_.id));
        Forwarded out{.config = *config_, .layers = {}, .there = 0};
        for (const oci::Descriptor& layer : manifest.layers) out.layers.push_back(settled(layer, out.there));
        return out;
    }

private:
    // (distribution-spec, "Pushing blobs" and "Pushing manifests", as containerd's client does it: what a blob is shows
    // in the Accept of the question whether it is there; then POST, and one PUT with digest and length.)
    io::LoopbackReply answer(io::LoopbackRequest& request, std::string_view what) {
        constexpr std::string_view uploads = "blobs/uploads/";
        constexpr std::string_view blobs = "blobs/";
        constexpr std::string_view manifests = "manifests/";
        if (what.starts_with(uploads)) {
            if (request.method == "POST") return push_.accepted(std::to_string(++uploads_), 0);
            if (request.method == "PUT") return take(request);
        } else if (what.starts_with(blobs) && request.method == "HEAD") {
            const auto digest = Digest::try_parse(what.substr(blobs.size()));
            if (!digest || !is_there(*digest, request.header("accept"))) return {.status = 404};
            return {.headers = {{"Docker-Content-Digest", digest->str()}}};
        } else if (what.starts_with(manifests)) {
            if (request.method == "HEAD") return {.status = 404};
            if (request.method == "PUT") return take_manifest(request, what.substr(manifests.size()));
        }
        return {.status = 405};
    }

    bool is_layer(const Digest& digest) {
        const std::lock_guard lock(mutex_);
        return layers_.contains(digest);
    }

    bool is_uncompressed(const Digest& digest) const {
        return std::find(image_.diff_ids.begin(), image_.diff_ids.end(), digest) != image_.diff_ids.end();
    }

    bool is_there(const Digest& digest, const std::string& accept) {
        // Configs are wanted here; and what goes with an attestation is not wanted at all.
        if (!is_layer_type(accept)) return false;
        {
            const std::lock_guard lock(mutex_);
            layers_.insert(digest);
        }
        const EnginePush::Detained detained(push_);
        if (is_uncompressed(digest)) {
            const std::lock_guard lock(mutex_);
            const auto form = hooks_.layers.known(digest);
            if (!form) return false;
            forms_.insert_or_assign(digest, *form);
            return true;
        }
        return has_blob_(digest);
    }

    io::LoopbackReply take(io::LoopbackRequest& request) {
        const auto digest = committed_digest(request.query);
        const auto size = parse_number(request.header("content-length"));
        if (!digest || !size) return {.status = 400};
        if (!is_layer(*digest) && *size <= image::largest_config) {
            hold(request, *digest);
        } else if (is_uncompressed(*digest)) {
            compress(request, *digest, *size);
        } else {
            pass_on(request, *digest, *size);
        }
        return push_.created("blobs", *digest);
    }

    void drain(io::Source& source, image::LayerSink& layer) {
        std::vector<std::byte> buffer(io::chunk_size);
        while (const std::size_t count = source.read(buffer)) {
            push_.stir();
            if (push_.stopping().stop_requested()) throw_interrupted();
            layer.write(std::span(buffer).first(count));
        }
    }

    std::unique_ptr<image::LayerSink> new_layer() {
        const std::lock_guard lock(mutex_);
        return hooks_.layers.new_sink();
    }

    std::unique_ptr<image::LayerSink> begin_layer(const Digest& id, std::uint64_t size) {
        const std::lock_guard lock(mutex_);
        auto layer = hooks_.layers.new_sink();
        layer->begun(id, size);
        return layer;
    }

    // Not to be sent before it is known what it is for.
    void hold(io::LoopbackRequest& request, const Digest& digest) {
        auto layer = new_layer();
        drain(request.body, *layer);
        if (take_config(digest, *layer)) return;
        const std::lock_guard lock(mutex_);
        held_.insert_or_assign(digest, std::move(layer));
    }

    // An attestation has one as well, of other layers.
    bool take_config(const Digest& digest, const image::LayerSink& held) {
        std::string text = io::read_all(*held.body().open(), image::largest_config);
        if (io::sha256(text) != digest)
            throw Error(Fault::integrity, fmt::format("the engine sent something else for {}", digest.str()));
        try {
            if (oci::ImageConfig::parse(text).diff_ids != image_.diff_ids) return false;
        } catch (const Error&) {
            return false;
        }
        const std::lock_guard lock(mutex_);
        hooks_.config(text);
        config_digest_ = digest;
        config_ = std::move(text);
        return true;
    }

    // The registry holds it against the digest.
    void pass_on(io::LoopbackRequest& request, const Digest& digest, std::uint64_t size) {
        const oci::Descriptor form{.media_type = std::string(oci::media_type::oci_layer_gzip),
                                   .digest = digest,
                                   .size = size,
                                   .annotations = {}};
        const auto layer = new_layer();
        {
            const std::lock_guard lock(mutex_);
            layer->promised(form);
        }
        drain(request.body, *layer);
        settle(digest, *layer, form);
    }

    // As `docker load` leaves layers, and as hardly any registry has them.
    void compress(io::LoopbackRequest& request, const Digest& diff_id, std::uint64_t size) {
        const std::string id = diff_id.short_id();
        const auto task = progress_.task(fmt::format("taking layer {} ({})", id, human_bytes(size)), size);
        const auto layer = begin_layer(diff_id, size);
        io::Tally plain;
        io::Tally sealed;
        const auto advance = [&](std::uint64_t count) { task->advance(count); };
        auto chain = io::counted(io::digesting(std::make_unique<RequestBytes>(request.body), plain), advance);
        chain = io::digesting(io::compressed(std::move(chain), hooks_.layers.compression), sealed);
        drain(*chain, *layer);
        if (plain.digest != diff_id)
            throw Error(Fault::integrity, fmt::format("the engine sent {} for {}", plain.digest.str(), diff_id.str()));
        const oci::Descriptor form{.media_type = std::string(image::layer_type_of(hooks_.layers.compression)),
                                   .digest = sealed.digest,
                                   .size = sealed.size,
                                   .annotations = {}};
        settle(diff_id, *layer, form);
        task->done(fmt::format("{} compressed", human_bytes(form.size)));
        const std::lock_guard lock(mutex_);
        forms_.insert_or_assign(diff_id, form);
    }

    void settle(const Digest& digest, image::LayerSink& layer, const oci::Descriptor& form) {
        const std::lock_guard lock(mutex_);
        layer.sealed(is_uncompressed(digest) ? std::optional(digest) : std::nullopt, form);
        taken_.insert(digest);
    }

    io::LoopbackReply take_manifest(io::LoopbackRequest& request, std::string_view name) {
        const std::string text = io::read_all(request.body, largest_manifest);
        const Digest digest = io::sha256(text);
        auto parsed = oci::parse_manifest(text, request.header("content-type"));
        const std::lock_guard lock(mutex_);
        if (manifests_.size() >= most_manifests) throw Error(Fault::integrity, "the engine pushed too many manifests");
        // What is above the others comes last, by its tag.
        if (!Digest::try_parse(name)) top_ = digest;
        manifests_.insert_or_assign(digest, std::move(parsed));
        return push_.created("manifests", digest);
    }

    oci::Manifest chosen() const {
        const auto* found = top_ ? &manifests_.at(*top_) : nullptr;
        if (found != nullptr && std::holds_alternative<oci::Index>(*found)) {
            std::set<std::string> there;
            const auto rows = image::candidates(std::get<oci::Index>(*found), platform_, there);
            if (rows.empty()) throw image::wrong_platform(platform_, std::move(there));
            const auto inner = manifests_.find(rows.front().descriptor.digest);
            found = inner == manifests_.end() ? nullptr : &inner->second;
        }
        const auto* manifest = found == nullptr ? nullptr : std::get_if<oci::Manifest>(found);
        if (manifest == nullptr) throw Error(Fault::integrity, "the engine pushed the image without its manifest");
        return *manifest;
    }

    // One of which nobody said in time that it is a layer is sent now.
    oci::Descriptor settled(const oci::Descriptor& layer, std::size_t& there) {
        if (const auto held = held_.find(layer.digest); held != held_.end()) {
            oci::Descriptor form = image::oci_form(layer);
            settle(layer.digest, *held->second, form);
            return form;
        }
        if (!taken_.contains(layer.digest)) ++there;
        const auto form = forms_.find(layer.digest);
        return form == forms_.end() ? image::oci_form(layer) : form->second;
    }

    const engine::ImageInfo& image_;
    const oci::Platform& platform_;
    const TakingHooks& hooks_;
    const std::function<bool(const Digest&)>& has_blob_;
    Progress& progress_;

    std::atomic<std::size_t> uploads_ = 0;
    std::mutex mutex_;
    std::set<Digest> layers_;  // by the engine's digests, as all that follows
    std::set<Digest> taken_;
    std::map<Digest, oci::Descriptor> forms_;  // where it is another than the engine's
    std::map<Digest, std::unique_ptr<image::LayerSink>> held_;
    Digest config_digest_;
    std::optional<std::string> config_;
    std::map<Digest, std::variant<oci::Manifest, oci::Index>> manifests_;
    std::optional<Digest> top_;
    EnginePush push_;
};

}  // namespace

std::optional<Forwarded> forward_image(engine::Engine& engine, const engine::ImageInfo& image,
                                       const oci::Platform& platform, const TakingHooks& hooks,
                                       const std::function<bool(const Digest&)>& has_blob, Progress& progress) {
    return Forward(engine, image, platform, hooks, has_blob, progress).run();
}

}  // namespace wasmx::push
