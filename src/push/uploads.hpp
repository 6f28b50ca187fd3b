// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/progress.hpp"
#include "io/stream.hpp"
#include "oci/manifest.hpp"
#include "push/growing_blob.hpp"
#include "registry/registry.hpp"

namespace wasmx::push {

/// What became of the blobs of a push.
struct Sent {
    std::size_t existed = 0;
    std::size_t uploaded = 0;
    std::uint64_t bytes = 0;  ///< of those that were uploaded
};

/// Uploads blobs, a few at a time, while the next ones are still being made.
class Uploads {
public:
    Uploads(registry::Repository& repository, Progress& progress, unsigned workers);
    /// Drops what has not begun and breaks off what has.
    ~Uploads();
    Uploads(const Uploads&) = delete;
    Uploads& operator=(const Uploads&) = delete;

    enum class Registry { may_have_it, lacks_it };
    /// Takes a blob; what the registry has is not sent. Throws the first error of those taken before.
    void add(const std::string& name, const oci::Descriptor& blob, io::Body body,
             Registry registry = Registry::may_have_it);
    /// Takes a blob that is still being made and that nobody has: what there is of it goes on at once, where an upload
    /// is free. One that is given up is dropped.
    void add(const std::string& name, const GrowingBlob& blob);
    /// Throws the first error so far; the work that makes blobs asks now and then.
    void check();
    /// Returns when the registry has them all; throws the first error.
    Sent finish();

private:
    struct Job {
        std::string name;
        std::shared_future<oci::Descriptor> blob;
        io::Body body;
        Registry registry = Registry::may_have_it;
    };
    class Watched;
    void put(Job job);
    void work();
    void upload(const Job& job);
    void upload_whole(const Job& job, const oci::Descriptor& blob);
    void upload_streamed(const Job& job);
    static void send_or_give_up(const Job& job, Progress::Task& task, const std::function<void()>& send);
    void count(std::uint64_t bytes);
    void give_up(std::exception_ptr error);
    void stop_if_useless();

    registry::Repository& repository_;
    Progress& progress_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Job> waiting_;
    std::size_t under_way_ = 0;
    bool closed_ = false;
    std::exception_ptr first_;
    Sent sent_;
    std::vector<std::jthread> workers_;  // last: they use all of the above
};

}  // namespace wasmx::push
