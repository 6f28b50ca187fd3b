// SPDX-License-Identifier: Apache-2.0
#include "push/relay.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>

#include "base/text.hpp"
#include "image/published.hpp"
#include "push/engine_push.hpp"

namespace wasmx::push {

namespace {

// How long an upload waits until it is known which layer the one before is of, or until that one is through. Without a
// name it is read to its end.
constexpr std::chrono::seconds turn_limit{3};

// The engine compresses while this thread undoes it again, and is what is waited for.
void yield_to_engine() {
    constexpr int lower = 10;
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), lower);  // of the thread alone (Linux); it may fail
}

class LayerEnd final : public io::Sink {
public:
    explicit LayerEnd(image::LayerSink& layer) : layer_(layer) {}
    void write(std::span<const std::byte> bytes) override { layer_.write(bytes); }
    void finish() override {}

private:
    image::LayerSink& layer_;
};

/// One upload of the engine's; it does not say of what.
struct Upload {
    std::atomic<bool> known = false;  ///< it need not be read any further
    std::unique_ptr<Progress::Task> task;
    std::optional<Digest> diff_id;  ///< once it is known which layer it is of, and that it may be wanted
    std::uint64_t total = 0;        ///< of the tar
};

class Relay {
public:
    Relay(engine::Engine& engine, const engine::ImageInfo& image, const TakingHooks& hooks, Progress& progress,
          bool may_guess)
        : image_(image),
          image_id_(Digest::parse(image.id)),
          hooks_(hooks),
          compression_(hooks.layers.compression),
          progress_(progress),
          is_as_it_is_(compression_.kind == io::Compression::Kind::gzip && !compression_.level),
          may_guess_(may_guess),
          // Docker compresses on until it sees that the layer is known.
          push_(engine, image, io::LoopbackServer::Ahead::little),
          stopped_(push_.stopping(), [this] { wake_all(); }) {
        for (const Digest& diff_id : image_.diff_ids) {
            wanted_.emplace(diff_id.short_id(), diff_id);
            unseen_.insert(diff_id.short_id());
        }
    }

    /// Nothing was thrown, and yet something may be missing: see `has_guessed_wrong`.
    std::optional<std::string> run() {
        const bool is_wanted = push_.run(
            {.prepare = [&] { return get_ready(); },
             .answer = [&](io::LoopbackRequest& request, std::string_view what) { return answer(request, what); },
             .listen = [&](const engine::PushEvent& event) { take(event); },
             .is_over = [&] { return has_config(); },
             .check = hooks_.check});
        if (!is_wanted) return std::nullopt;
        if (!config_) throw Error(Fault::failed, "the engine pushed the image without its config");
        if (!wanted_.empty() && !has_guessed_)
            throw Error(Fault::integrity,
                        fmt::format("the engine did not send the layer {}", wanted_.begin()->second.str()));
        return *config_;
    }

    /// A layer that is wanted was taken for one that is known.
    bool has_guessed_wrong() const { return has_guessed_ && !wanted_.empty(); }

private:
    bool get_ready() {
        if (!hooks_.prepare()) return false;
        const std::lock_guard lock(mutex_);
        for (const Digest& diff_id : image_.diff_ids) {
            const auto form = hooks_.layers.known(diff_id);
            if (!form) continue;
            there_.emplace(form->digest, form->size);
            wanted_.erase(diff_id.short_id());
            unseen_.erase(diff_id.short_id());
            for (const auto& [_, upload] : uploads_)
                if (upload->diff_id == diff_id) upload->known = true;
        }
        may_guess_ = may_guess_ && wanted_.size() < image_.diff_ids.size();
        see_rest();
        return true;
    }

    bool has_config() {
        const std::lock_guard lock(mutex_);
        return config_.has_value();
    }

    void wake_all() {
        const std::lock_guard lock(mutex_);
        changed_.notify_all();
    }

    // The first event of a layer whose upload has begun says which one it is, when only one has begun.
    void take(const engine::PushEvent& event) {
        if (event.status != "Pushing") return;
        const std::lock_guard lock(mutex_);
        if (!named_.insert(event.id).second || unnamed_.size() != 1) return;
        Upload& upload = **unnamed_.begin();
        unnamed_.clear();
        upload.known = unseen_.erase(event.id) == 0;
        if (!upload.known) {
            upload.diff_id = wanted_.at(event.id);
            upload.total = event.total;
        }
        see_rest();
    }

    // With all that is wanted under way, whatever else has begun is known.
    void see_rest() {
        if (unseen_.empty()) {
            for (const auto& upload : unnamed_) upload->known = true;
            unnamed_.clear();
        }
        changed_.notify_all();
    }

    // (distribution-spec, "Pushing blobs")
    io::LoopbackReply answer(io::LoopbackRequest& request, std::string_view what) {
        constexpr std::string_view uploads = "blobs/uploads/";
        constexpr std::string_view blobs = "blobs/";
        if (what.starts_with(uploads)) {
            if (request.method == "POST") return begin();
            const auto upload = find_upload(what.substr(uploads.size()));
            if (upload && request.method == "PATCH") return take(request, upload);
            if (upload && request.method == "PUT") return commit(request);
        } else if (what.starts_with(blobs) && request.method == "HEAD") {
            push_.await_ready();
            const auto digest = Digest::try_parse(what.substr(blobs.size()));
            if (digest == image_id_) is_config_next_ = true;
            const std::lock_guard lock(mutex_);
            const auto size = digest ? size_of(*digest) : std::nullopt;
            if (!size) return {.status = 404};
            return {.headers = {{"Docker-Content-Digest", digest->str()}}, .length = *size};
        }
        // The manifest, too: the image is not to be published here.
        return {.status = 403,
                .headers = {{"Content-Type", "application/json"}},
                .body = R"({"errors":[{"code":"DENIED","message":"layers and config only"}]})"};
    }

    // Docker asks before it begins to compress, by a digest that it remembers of an earlier push or pull, from or to
    // wherever. What it has pushed or pulled before is rarely what is missing here.
    std::optional<std::uint64_t> size_of(const Digest& digest) {
        if (const auto found = there_.find(digest); found != there_.end()) return found->second;
        if (digest == image_id_ || !may_guess_) return std::nullopt;
        has_guessed_ = true;
        return 1;  // it makes no difference: the manifest is not taken
    }

    std::shared_ptr<Upload> find_upload(std::string_view name) {
        const std::lock_guard lock(mutex_);
        const auto found = uploads_.find(std::string(name));
        return found == uploads_.end() ? nullptr : found->second;
    }

    // One at a time, until it is known what the last one is. What is known also comes one by one: the engine begins to
    // compress each, and would do so for all of them at the expense of what is wanted. The first one is likely to be
    // what has changed last, so the engine may begin with it while the registry is still being asked.
    io::LoopbackReply begin() {
        std::unique_lock lock(mutex_);
        if (!uploads_.empty()) {
            lock.unlock();
            push_.await_ready();
            lock.lock();
            changed_.wait_for(lock, turn_limit, [&] {
                return is_stopping() || (unseen_.empty() ? known_under_way_.empty() : unnamed_.empty());
            });
        }
        if (is_stopping()) throw_interrupted();
        const std::string name = std::to_string(uploads_.size() + 1);
        if (unseen_.empty()) known_under_way_ = name;
        const auto& upload = uploads_[name] = std::make_shared<Upload>();
        if (unseen_.empty()) {
            upload->known = true;
        } else {
            unnamed_.insert(upload);
        }
        return push_.accepted(name, 0);
    }

    io::LoopbackReply take(io::LoopbackRequest& request, const std::shared_ptr<Upload>& upload) {
        const std::string name = upload_name(request.path);
        // Docker asks for the config before it sends it, after all layers: until then what is known needs no look. But
        // for its beginning: what is committed without a byte has a digest that a registry may well have.
        if (upload->known && !is_config_next_) {
            std::byte first[1];
            (void)request.body.read(first);
            return push_.accepted(name, 0);
        }
        yield_to_engine();
        const std::unique_ptr<image::LayerSink> layer = [&] {
            const std::lock_guard lock(sealing_);
            return hooks_.layers.new_sink();
        }();
        LayerEnd end(*layer);
        Received got;
        std::uint64_t received = 0;
        std::uint64_t untold = 0;
        bool is_begun = false;
        const auto arrived = [&](std::uint64_t count) {
            received += count;
            push_.stir();
            if (is_stopping()) throw_interrupted();
        };
        auto bytes = std::make_unique<RequestBytes>(request.body);
        RequestBytes& head = *bytes;  // goes with the chain
        const auto advance = [&](std::uint64_t count) {
            if (upload->known && head.is_gzip()) throw Enough();
            untold += count;
            {
                const std::lock_guard lock(mutex_);
                if (!push_.is_ready() || upload->known || !upload->diff_id) return;
                if (!upload->task) upload->task = task_for(upload->diff_id->short_id(), upload->total);
                upload->task->advance(std::exchange(untold, 0));
            }
            if (std::exchange(is_begun, true)) return;
            request.welcome();
            head.read_ahead();
            const std::lock_guard lock(sealing_);
            layer->begun(upload->diff_id, upload->total);
        };
        auto chain = io::digesting(io::counted(std::move(bytes), arrived), got.sent);
        if (is_as_it_is_) chain = io::teed(std::move(chain), end);
        chain = io::counted(io::digesting(io::decompressed(std::move(chain)), got.plain), advance);
        if (!is_as_it_is_)
            chain = io::teed(io::digesting(io::compressed(std::move(chain), compression_), got.sealed), end);
        std::vector<std::byte> buffer(io::chunk_size);
        try {
            while (chain->read(buffer) > 0) {
            }
            push_.await_ready();
            finish(upload, got, *layer);
        } catch (const Enough&) {
            // docker takes our word for it: it compresses no more, and commits what it has sent. The digest of that
            // stays in its records for our name, beside the true ones; docker push and pull have been seen not to mind.
        }
        return push_.accepted(name, received);
    }

    /// Thrown out of a chain: the layer is there already.
    struct Enough {};

    /// What came of an upload that was read to its end.
    struct Received {
        io::Tally sent;    ///< as the engine sent it
        io::Tally plain;   ///< of the tar
        io::Tally sealed;  ///< by us, when it is to be compressed otherwise
    };

    void finish(const std::shared_ptr<Upload>& upload, const Received& got, image::LayerSink& layer) {
        const Digest& diff_id = got.plain.digest;
        if (diff_id == image_id_) {
            std::string config = io::read_all(*io::decompressed(layer.body().open()), image::largest_config);
            hooks_.config(config);
            const std::lock_guard lock(mutex_);
            config_ = std::move(config);
            return push_.wake();
        }
        if (std::find(image_.diff_ids.begin(), image_.diff_ids.end(), diff_id) == image_.diff_ids.end())
            throw Error(Fault::integrity,
                        fmt::format("the engine sent {}, which is no layer of {}", diff_id.str(), image_.id));
        {
            // Before the next one begins, for which its events could be taken.
            const std::lock_guard lock(mutex_);
            named_.insert(diff_id.short_id());
            unseen_.erase(diff_id.short_id());
            unnamed_.erase(upload);
            see_rest();
            if (!wanted_.contains(diff_id.short_id())) return;
            if (!upload->task) upload->task = task_for(diff_id.short_id(), got.plain.size);
        }
        const io::Tally& tally = is_as_it_is_ ? got.sent : got.sealed;
        const oci::Descriptor form{.media_type = std::string(image::layer_type_of(compression_)),
                                   .digest = tally.digest,
                                   .size = tally.size,
                                   .annotations = {}};
        {
            const std::lock_guard lock(sealing_);
            layer.sealed(diff_id, form);
        }
        const std::lock_guard lock(mutex_);
        upload->task->done(fmt::format("{} compressed", human_bytes(tally.size)));
        wanted_.erase(diff_id.short_id());
    }

    io::LoopbackReply commit(const io::LoopbackRequest& request) {
        const auto digest = committed_digest(request.query);
        if (!digest) return {.status = 400};
        const std::lock_guard lock(mutex_);
        there_.emplace(*digest, 1);  // it is asked for afterwards
        if (known_under_way_ == upload_name(request.path)) known_under_way_.clear();
        changed_.notify_all();
        return push_.created("blobs", *digest);
    }

    std::unique_ptr<Progress::Task> task_for(const std::string& id, std::uint64_t size) {
        return progress_.task(fmt::format("taking layer {} ({})", id, human_bytes(size)), size);
    }

    bool is_stopping() const { return push_.stopping().stop_requested(); }

    const engine::ImageInfo& image_;
    const Digest image_id_;
    const TakingHooks& hooks_;
    const io::Compression compression_;
    Progress& progress_;
    const bool is_as_it_is_;
    bool may_guess_;
    bool has_guessed_ = false;
    std::atomic<bool> is_config_next_ = false;
    std::mutex sealing_;  // of the hooks
    std::mutex mutex_;    // of the rest
    std::condition_variable changed_;
    std::map<Digest, std::uint64_t> there_;  // blobs, with their sizes
    std::map<std::string, Digest> wanted_;   // by short id: all, until it is found out which are known
    std::set<std::string> unseen_;           // those of them of which no upload is known
    std::map<std::string, std::shared_ptr<Upload>> uploads_;
    std::set<std::shared_ptr<Upload>> unnamed_;  // begun, and nobody knows of what
    std::string known_under_way_;                // an upload that is cut short
    std::set<std::string> named_;                // short ids that have been told, or found out
    std::optional<std::string> config_;
    EnginePush push_;
    std::stop_callback<std::function<void()>> stopped_;
};

}  // namespace

std::optional<std::string> relay_image(engine::Engine& engine, const engine::ImageInfo& image, const TakingHooks& hooks,
                                       Progress& progress) {
    Relay relay(engine, image, hooks, progress, true);
    auto config = relay.run();
    if (!config || !relay.has_guessed_wrong()) return config;
    return Relay(engine, image, hooks, progress, false).run();  // what was sent meanwhile is known by now
}

}  // namespace wasmx::push
