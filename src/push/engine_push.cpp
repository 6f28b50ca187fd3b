// SPDX-License-Identifier: Apache-2.0
#include "push/engine_push.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <thread>

#include "base/text.hpp"
#include "push/relay_name.hpp"

namespace wasmx::push {

namespace {

constexpr std::chrono::seconds first_request_limit{10};
constexpr std::chrono::seconds silence_limit{60};
// What takes longer than this has the time for names that earlier pushes have left on other images.
constexpr std::chrono::seconds short_push{5};

}  // namespace

EnginePush::EnginePush(engine::Engine& engine, const engine::ImageInfo& image, io::LoopbackServer::Ahead ahead)
    : engine_(engine),
      image_(image),
      ahead_(ahead),
      http_(stopping_.get_token(), "wasmx-image"),
      passed_on_(engine.stop(), [this] { stopping_.request_stop(); }) {}

/// Whatever waits, in a handler or for the engine, does so no longer; then they can be joined.
class EnginePush::Ending {
public:
    explicit Ending(EnginePush& push) : push_(push) {}
    ~Ending() { push_.stopping_.request_stop(); }
    Ending(const Ending&) = delete;
    Ending& operator=(const Ending&) = delete;

private:
    EnginePush& push_;
};

bool EnginePush::run(const Taker& taker) {
    tidying_ = std::async(std::launch::async, [this] { remove_strays(engine_, http_, image_.tags); });
    const std::string repository = new_relay_repository();
    prefix_ = fmt::format("/v2/{}/", repository);
    io::LoopbackServer server([&](io::LoopbackRequest& request) { return answer(taker, request); }, ahead_);
    const auto name = relay_name(server.port(), repository);
    const HeldName held(engine_, image_.id, name);
    const std::jthread pusher([&] { push(name, taker); });
    const Ending ending(*this);
    if (!taker.prepare()) return false;
    stir();
    {
        const std::lock_guard lock(mutex_);
        is_ready_ = true;
        changed_.notify_all();
    }
    wait(taker);
    return true;
}

// The engine's side, in a thread of its own: it ends when the engine is through, or when we want no more.
void EnginePush::push(const oci::Reference& name, const Taker& taker) noexcept {
    try {
        engine::Engine engine(http_, engine_.endpoint(), engine_.identity());
        engine.push(name, Secret(), [&](const engine::PushEvent& event) {
            stir();
            taker.listen(event);
        });
    } catch (...) {
        give_up(std::current_exception());
    }
    const std::lock_guard lock(mutex_);
    is_pushed_ = true;
    changed_.notify_all();
}

void EnginePush::wait(const Taker& taker) {
    const auto start = Clock::now();
    for (;;) {
        {
            std::unique_lock lock(mutex_);
            changed_.wait_for(lock, std::chrono::milliseconds(200), [&] { return first_ || is_awake_ || is_pushed_; });
            is_awake_ = false;
        }
        if (taker.is_over()) return;
        if (engine_.stop().stop_requested()) throw_interrupted();
        {
            const std::lock_guard lock(mutex_);
            if (first_) std::rethrow_exception(first_);
            if (is_pushed_) return;
        }
        if (!is_reached_ && Clock::now() - start > first_request_limit)
            throw Error(Fault::unavailable, "the engine does not reach 127.0.0.1 of this machine");
        if (detained_ == 0 && Clock::now() - moved_.load() > silence_limit)
            throw Error(Fault::unavailable, fmt::format("the engine sent nothing for {} s", silence_limit.count()));
        taker.check();
        if (!has_tidied_ && Clock::now() - start > short_push) {
            has_tidied_ = true;
            tidying_ = std::async(std::launch::async, [this] { remove_all_strays(engine_, http_); });
        }
    }
}

void EnginePush::await_ready() {
    if (is_ready_) return;
    const Detained detained(*this);
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, stopping_.get_token(), [&] { return is_ready_.load(); })) throw_interrupted();
}

void EnginePush::wake() {
    const std::lock_guard lock(mutex_);
    is_awake_ = true;
    changed_.notify_all();
}

void EnginePush::give_up(std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    if (!first_) first_ = std::move(error);
    changed_.notify_all();
}

io::LoopbackReply EnginePush::answer(const Taker& taker, io::LoopbackRequest& request) {
    if (request.path == "/v2/") return {};
    if (!request.path.starts_with(prefix_)) return {.status = 404};
    is_reached_ = true;
    stir();
    try {
        return taker.answer(request, std::string_view(request.path).substr(prefix_.size()));
    } catch (const io::TransportError&) {
        throw;  // the engine broke it off, and will say why
    } catch (...) {
        give_up(std::current_exception());
        throw;
    }
}

io::LoopbackReply EnginePush::accepted(const std::string& upload, std::uint64_t size) const {
    return {.status = 202,
            .headers = {{"Location", fmt::format("{}blobs/uploads/{}", prefix_, upload)},
                        {"Range", fmt::format("0-{}", size == 0 ? 0 : size - 1)},
                        {"Docker-Upload-UUID", upload}}};
}

io::LoopbackReply EnginePush::created(const std::string& kind, const Digest& digest) const {
    return {.status = 201,
            .headers = {{"Location", fmt::format("{}{}/{}", prefix_, kind, digest.str())},
                        {"Docker-Content-Digest", digest.str()}}};
}

std::string upload_name(std::string_view what) { return std::string(what.substr(what.rfind('/') + 1)); }

std::optional<Digest> committed_digest(const std::string& query) {
    constexpr std::string_view key = "digest=";
    constexpr std::string_view colon = "%3A";
    for (const std::string_view part : split(query, '&')) {
        if (!part.starts_with(key)) continue;
        std::string text(part.substr(key.size()));
        if (const auto at = text.find(colon); at != std::string::npos) text.replace(at, colon.size(), ":");
        return Digest::try_parse(text);
    }
    return std::nullopt;
}

}  // namespace wasmx::push
