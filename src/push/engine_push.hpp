// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "engine/engine.hpp"
#include "image/sealed.hpp"
#include "io/loopback.hpp"
#include "io/read_ahead.hpp"

namespace wasmx::push {

/// What is done with an image while an engine gives it.
struct TakingHooks {
    image::SealHooks layers;
    /// Called first, while the engine gets ready and begins to compress; false: it is not wanted after all. Only then
    /// is a layer `known`.
    std::function<bool()> prepare;
    /// The config is here, maybe before the layers are.
    std::function<void(const std::string&)> config;
    /// Called now and then.
    std::function<void()> check;
};

/// An engine's push of an image into an endpoint of ours on 127.0.0.1, under a name that the image has meanwhile.
class EnginePush {
public:
    /// Who takes what is pushed. Called by several threads; what it throws ends the push.
    struct Taker {
        /// Called first, while the engine gets ready; false: it is not wanted after all.
        std::function<bool()> prepare;
        /// Of a request below our repository; `what` is the path there: "blobs/sha256:…". (distribution-spec)
        std::function<io::LoopbackReply(io::LoopbackRequest& request, std::string_view what)> answer;
        std::function<void(const engine::PushEvent&)> listen;
        /// Whether all that is wanted of the engine is here.
        std::function<bool()> is_over;
        /// Called now and then.
        std::function<void()> check;
    };

    EnginePush(engine::Engine& engine, const engine::ImageInfo& image, io::LoopbackServer::Ahead ahead);
    EnginePush(const EnginePush&) = delete;
    EnginePush& operator=(const EnginePush&) = delete;

    /// Returns when it is over for the taker, or for the engine; false when it was not wanted. An engine that does not
    /// reach us or falls silent is Fault::unavailable. Once.
    bool run(const Taker& taker);

    /// For the taker: something came.
    void stir() { moved_ = Clock::now(); }
    /// The same: `is_over` may say otherwise now.
    void wake();
    /// Whether `prepare` is through, and the push is wanted.
    bool is_ready() const { return is_ready_; }
    /// Returns when it is.
    void await_ready();
    /// Whatever waits is to wait no longer.
    std::stop_token stopping() const { return stopping_.get_token(); }

    /// The engine waits for us meanwhile, and is not called silent.
    class Detained {
    public:
        explicit Detained(EnginePush& push) : push_(push) { ++push_.detained_; }
        ~Detained() {
            push_.stir();
            --push_.detained_;
        }
        Detained(const Detained&) = delete;
        Detained& operator=(const Detained&) = delete;

    private:
        EnginePush& push_;
    };

    /// Replies to what belongs to an upload of that name, of which so many bytes are here.
    io::LoopbackReply accepted(const std::string& upload, std::uint64_t size) const;
    io::LoopbackReply created(const std::string& kind, const Digest& digest) const;

private:
    using Clock = std::chrono::steady_clock;
    class Ending;
    io::LoopbackReply answer(const Taker& taker, io::LoopbackRequest& request);
    void push(const oci::Reference& name, const Taker& taker) noexcept;
    void wait(const Taker& taker);
    void give_up(std::exception_ptr error);

    engine::Engine& engine_;
    const engine::ImageInfo& image_;
    const io::LoopbackServer::Ahead ahead_;
    std::string prefix_;
    std::stop_source stopping_;
    io::HttpClient http_;  // breaks off the engine's push when it is over for us
    std::stop_callback<std::function<void()>> passed_on_;

    std::atomic<bool> is_reached_ = false;
    std::atomic<bool> is_ready_ = false;
    std::atomic<unsigned> detained_ = 0;
    std::atomic<Clock::time_point> moved_ = Clock::now();
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::exception_ptr first_;
    bool is_pushed_ = false;
    bool is_awake_ = false;
    bool has_tidied_ = false;
    std::future<void> tidying_;
};

/// A request's body, which is not ours. In whole buffers: whoever it goes to is not woken for less.
class RequestBytes final : public io::Source {
public:
    explicit RequestBytes(io::Source& body) : body_(body) {}
    std::size_t read(std::span<std::byte> buffer) override {
        io::Source& source = ahead_ ? static_cast<io::Source&>(*ahead_) : body_;
        std::size_t count = 0;
        while (count < buffer.size()) {
            const std::size_t more = source.read(buffer.subspan(count));
            if (more == 0) break;
            count += more;
        }
        if (count > 0 && !first_) first_ = buffer[0];
        return count;
    }
    /// As the engine sends layers; the config is JSON.
    bool is_gzip() const { return first_ == std::byte{0x1f}; }
    /// From now on by a thread that does nothing else, and in batches. Docker is waited for, and compresses in several
    /// threads: it has been seen to lose more by many short turns of ours between theirs than by few long ones.
    void read_ahead() { ahead_.emplace(body_, batch); }

private:
    static constexpr std::size_t batch = std::size_t{4} << 20;

    io::Source& body_;
    std::optional<std::byte> first_;
    std::optional<io::ReadAhead> ahead_;
};

/// The last part of a path: the name of an upload.
std::string upload_name(std::string_view what);
/// The digest that the query of a blob's commit gives.
std::optional<Digest> committed_digest(const std::string& query);

}  // namespace wasmx::push
