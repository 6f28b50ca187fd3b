// SPDX-License-Identifier: Apache-2.0
#include "push/uploads.hpp"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"

namespace wasmx::push {

namespace {

using SteadyClock = std::chrono::steady_clock;

// ghcr.io takes no layer beyond 10 GB, and gives an upload ten minutes. (docs.github.com, "Working with the Container
// registry")
constexpr std::string_view limited_registry = "ghcr.io";
constexpr std::uint64_t largest_layer = 10'000'000'000;
constexpr double most_seconds = 600;
constexpr double judged_after = 20;

double seconds_since(SteadyClock::time_point start) {
    return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

std::string rate(std::uint64_t bytes, double seconds) {
    return human_bytes(static_cast<std::uint64_t>(static_cast<double>(bytes) / std::max(seconds, 0.001))) + "/s";
}

/// Warns once when an upload is too slow for the time that it has.
class Pace {
public:
    Pace(Progress& progress, const std::string& name, std::uint64_t size, bool is_limited)
        : progress_(progress), name_(name), size_(size), is_limited_(is_limited) {}
    void start() {
        start_ = SteadyClock::now();
        sent_ = 0;
    }
    void advance(std::uint64_t bytes) {
        sent_ += bytes;
        const double seconds = seconds_since(start_);
        if (!is_limited_ || told_ || seconds < judged_after || sent_ == 0) return;
        const double expected = seconds * static_cast<double>(size_) / static_cast<double>(sent_);
        if (expected < most_seconds) return;
        told_ = true;
        progress_.warn(fmt::format("{}: at {} it takes {}, and {} gives an upload ten minutes", name_,
                                   rate(sent_, seconds), human_seconds(expected), limited_registry));
    }

private:
    Progress& progress_;
    const std::string& name_;
    std::uint64_t size_;
    bool is_limited_;
    bool told_ = false;
    std::uint64_t sent_ = 0;
    SteadyClock::time_point start_ = SteadyClock::now();
};

}  // namespace

Uploads::Uploads(registry::Repository& repository, Progress& progress, unsigned workers)
    : repository_(repository), progress_(progress) {
    for (unsigned i = 0; i < std::max(1U, workers); ++i) workers_.emplace_back([this] { work(); });
}

Uploads::~Uploads() {
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        // Nobody will ask for it any more; it stops those that are under way.
        if (!first_ && (under_way_ > 0 || !waiting_.empty()))
            first_ = std::make_exception_ptr(Error(Fault::interrupted, "the push was given up"));
        waiting_.clear();
    }
    changed_.notify_all();
}

void Uploads::add(const std::string& name, const oci::Descriptor& blob, io::Body body) {
    check();
    {
        const std::lock_guard lock(mutex_);
        waiting_.push_back({name, blob, std::move(body)});
    }
    changed_.notify_all();
}

void Uploads::check() {
    const std::lock_guard lock(mutex_);
    if (first_) std::rethrow_exception(first_);
}

// Another one failed. Its own error would be taken for one of this upload, which a retry may mend.
void Uploads::stop_if_useless() {
    const std::lock_guard lock(mutex_);
    if (first_) throw Error(Fault::interrupted, "another upload failed");
}

Sent Uploads::finish() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return first_ || (waiting_.empty() && under_way_ == 0); });
    if (first_) std::rethrow_exception(first_);
    return sent_;
}

void Uploads::give_up(std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    if (!first_) first_ = std::move(error);
    waiting_.clear();
}

void Uploads::work() {
    for (;;) {
        Job job;
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [&] { return closed_ || !waiting_.empty(); });
            if (waiting_.empty()) return;
            job = std::move(waiting_.front());
            waiting_.pop_front();
            ++under_way_;
        }
        try {
            upload(job);
        } catch (...) {
            give_up(std::current_exception());
        }
        {
            const std::lock_guard lock(mutex_);
            --under_way_;
        }
        changed_.notify_all();
    }
}

void Uploads::upload(const Job& job) {
    const std::string name = fmt::format("{} {} ({})", job.name, job.blob.digest.brief(), human_bytes(job.blob.size));
    const auto task = progress_.task("pushing " + name, job.blob.size);
    if (repository_.has_blob(job.blob.digest)) {
        task->done("exists");
        const std::lock_guard lock(mutex_);
        ++sent_.existed;
        return;
    }
    const bool is_limited = repository_.registry() == limited_registry;
    if (is_limited && job.blob.size > largest_layer)
        progress_.warn(fmt::format("{}: {} takes no layer of more than 10 GB", name, limited_registry));
    Pace pace(progress_, name, job.blob.size, is_limited);
    const auto start = SteadyClock::now();
    // What is read again, since it was lost or is to be skipped, is no progress.
    std::uint64_t farthest = 0;
    const io::Body watched{.size = job.body.size, .open = [&] {
                               pace.start();
                               return io::counted(job.body.open(),
                                                  [&, at = std::uint64_t{0}](std::uint64_t count) mutable {
                                                      stop_if_useless();
                                                      at += count;
                                                      if (at > farthest)
                                                          task->advance(at - std::exchange(farthest, at));
                                                      pace.advance(count);
                                                  });
                           }};
    in_context("uploading " + name, [&] { repository_.put_blob(job.blob, watched); });
    task->done(fmt::format("uploaded, {}", rate(job.blob.size, seconds_since(start))));
    const std::lock_guard lock(mutex_);
    ++sent_.uploaded;
    sent_.bytes += job.blob.size;
}

}  // namespace wasmx::push
