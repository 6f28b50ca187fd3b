// SPDX-License-Identifier: Apache-2.0
#include "push/uploads.hpp"

#include <fmt/format.h>

#include <chrono>
#include <system_error>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"
#include "push/pace.hpp"

namespace wasmx::push {

namespace {

using SteadyClock = std::chrono::steady_clock;

double seconds_since(SteadyClock::time_point start) {
    return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

std::string rate(std::uint64_t bytes, double seconds) {
    return human_bytes(static_cast<std::uint64_t>(static_cast<double>(bytes) / std::max(seconds, 0.001))) + "/s";
}

bool is_known(const std::shared_future<oci::Descriptor>& blob) {
    return blob.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

bool is_given_up(const std::shared_future<oci::Descriptor>& blob) {
    if (!is_known(blob)) return false;
    try {
        (void)blob.get();
        return false;
    } catch (const Error&) {
        return true;
    }
}

}  // namespace

Uploads::Uploads(registry::Repository& repository, Progress& progress, unsigned workers)
    : repository_(repository), progress_(progress) {
    for (unsigned i = 0; i < std::max(1U, workers); ++i) {
        try {
            workers_.emplace_back([this] { work(); });
        } catch (const std::system_error&) {  // a limit on threads: fewer do as well
            if (workers_.empty()) throw;
            break;
        }
    }
}

Uploads::~Uploads() {
    bool is_given_up = false;
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        waiting_.clear();
        // Nobody asks for those that are under way any more.
        is_given_up = under_way_ > 0;
        if (is_given_up && !first_)
            first_ = std::make_exception_ptr(Error(Fault::interrupted, "the push was given up"));
    }
    changed_.notify_all();
    if (!is_given_up) return;
    repository_.interrupt();
    workers_.clear();
    repository_.resume();
}

void Uploads::add(const std::string& name, const oci::Descriptor& blob, io::Body body, Registry registry) {
    std::promise<oci::Descriptor> known;
    known.set_value(blob);
    put({name, known.get_future().share(), std::move(body), registry});
}

void Uploads::add(const std::string& name, const GrowingBlob& blob) { put({name, blob.whole(), blob.body()}); }

void Uploads::put(Job job) {
    check();
    {
        const std::lock_guard lock(mutex_);
        waiting_.push_back(std::move(job));
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

/// A body that tells how far it has been read, and when that is too slow.
class Uploads::Watched {
public:
    Watched(Uploads& uploads, Progress::Task& task, std::string name, const Job& job)
        : uploads_(uploads),
          task_(task),
          name_(std::move(name)),
          job_(job),
          pace_(limits_of(uploads.repository_.registry())) {}

    io::Body body() {
        return {.size = job_.body.size, .open = [this] {
                    const auto start = SteadyClock::now();
                    return io::counted(job_.body.open(),
                                       [this, start, at = std::uint64_t{0}](std::uint64_t count) mutable {
                                           at += count;
                                           advance(at, seconds_since(start));
                                       });
                }};
    }

private:
    void advance(std::uint64_t at, double seconds) {
        uploads_.stop_if_useless();
        // What is read again, since it was lost or is to be skipped, is no progress.
        if (at > farthest_) task_.advance(at - std::exchange(farthest_, at));
        const auto size = size_if_known();
        if (const auto expected = size ? pace_.overrun(at, *size, seconds) : std::nullopt)
            uploads_.progress_.warn(fmt::format("{}: at {} it takes {}, and {} gives an upload ten minutes", name_,
                                                rate(at, seconds), human_seconds(*expected),
                                                uploads_.repository_.registry()));
    }

    // One that is still being made may be whole before it has been sent.
    std::optional<std::uint64_t> size_if_known() const {
        return is_known(job_.blob) ? std::optional(job_.blob.get().size) : std::nullopt;
    }

    Uploads& uploads_;
    Progress::Task& task_;
    const std::string name_;
    const Job& job_;
    Pace pace_;
    std::uint64_t farthest_ = 0;
};

void Uploads::upload(const Job& job) {
    if (is_given_up(job.blob)) return;
    try {
        is_known(job.blob) ? upload_whole(job, job.blob.get()) : upload_streamed(job);
    } catch (const Error&) {
        // Whoever was making it has said why, if there is anything to be said.
        if (!is_given_up(job.blob)) throw;
    }
}

// Whoever was making the blob may have given it up, which is no failure of the upload.
void Uploads::send_or_give_up(const Job& job, Progress::Task& task, const std::function<void()>& send) {
    try {
        send();
    } catch (const Error&) {
        if (is_given_up(job.blob)) task.done("given up");
        throw;
    }
}

void Uploads::upload_streamed(const Job& job) {
    const auto task = progress_.task(fmt::format("pushing {} as it is made", job.name), 0);
    Watched watched(*this, *task, job.name, job);
    const auto start = SteadyClock::now();
    send_or_give_up(job, *task, [&] {
        in_context("uploading " + job.name,
                   [&] { repository_.put_streamed_blob(watched.body(), [&] { return job.blob.get(); }); });
    });
    const oci::Descriptor& blob = job.blob.get();
    task->done(fmt::format("uploaded {} ({}), {}", blob.digest.brief(), human_bytes(blob.size),
                           rate(blob.size, seconds_since(start))));
    count(blob.size);
}

void Uploads::upload_whole(const Job& job, const oci::Descriptor& blob) {
    const std::string name = fmt::format("{} {} ({})", job.name, blob.digest.brief(), human_bytes(blob.size));
    const auto task = progress_.task("pushing " + name, blob.size);
    if (job.registry == Registry::may_have_it && repository_.has_blob(blob.digest, blob.size)) {
        task->done("exists");
        const std::lock_guard lock(mutex_);
        ++sent_.existed;
        return;
    }
    const auto limits = limits_of(repository_.registry());
    if (limits && blob.size > limits->bytes)
        progress_.warn(fmt::format("{}: {} takes no layer of more than {} GB", name, repository_.registry(),
                                   limits->bytes / 1'000'000'000));
    const auto start = SteadyClock::now();
    Watched watched(*this, *task, name, job);
    send_or_give_up(job, *task,
                    [&] { in_context("uploading " + name, [&] { repository_.put_blob(blob, watched.body()); }); });
    task->done(fmt::format("uploaded, {}", rate(blob.size, seconds_since(start))));
    count(blob.size);
}

void Uploads::count(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    ++sent_.uploaded;
    sent_.bytes += bytes;
}

}  // namespace wasmx::push
