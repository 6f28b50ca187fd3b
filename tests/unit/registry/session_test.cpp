// SPDX-License-Identifier: Apache-2.0
#include "registry/session.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "support/error_of.hpp"
#include "support/http_server.hpp"

namespace wasmx::registry {

TEST_SUITE_BEGIN("registry");

using test::error_of;

TEST_CASE("who is sent Authorization: the registry's own origin alone, and nobody without https") {
    io::HttpClient http({}, "unit-test");
    Session session(http, oci::Reference::parse("ghcr.io/kong/x"), {});
    for (const std::string url : {"https://ghcr.io/u/1?s", "https://GHCR.io/u/1", "https://ghcr.io:443/u/1"}) {
        CAPTURE(url);
        CHECK(session.is_home(url));
    }
    for (const std::string url : {"https://ghcr.io:8443/u/1", "https://storage.example/u?sig=1",
                                  "https://ghcr.io.evil/", "https://evil/ghcr.io/", "https://pkg.ghcr.io/"}) {
        CAPTURE(url);
        CHECK_FALSE(session.is_home(url));
    }
    for (const std::string url :
         {"http://ghcr.io/u/1?sig=word", "http://127.0.0.1/u", "ftp://ghcr.io/u", "file:///u"}) {
        CAPTURE(url);
        const Error error = error_of([&] { session.is_home(url); });
        CHECK(error.fault() == Fault::denied);
        CHECK(error.message().find("word") == std::string::npos);
    }
    Session with_port(http, oci::Reference::parse("ghcr.io:443/kong/x"), {});
    CHECK(with_port.is_home("https://ghcr.io/u/1"));
}

TEST_CASE("what one request was asked to wait for is waited for by all") {
    /// Time stands still until the test lets it go on.
    class HeldClock final : public Clock {
    public:
        TimePoint now() const override { return TimePoint(std::chrono::hours(24 * 365 * 50)); }
        void wait(milliseconds duration, const std::stop_token&) override {
            std::unique_lock lock(mutex_);
            waits_.push_back(duration);
            changed_.notify_all();
            changed_.wait(lock, [&] { return is_over_; });
        }
        void wait_for_waits(std::size_t count) {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [&] { return waits_.size() >= count; });
        }
        void let_go() {
            const std::lock_guard lock(mutex_);
            is_over_ = true;
            changed_.notify_all();
        }
        std::vector<milliseconds> waits() {
            const std::lock_guard lock(mutex_);
            return waits_;
        }

    private:
        std::mutex mutex_;
        std::condition_variable changed_;
        std::vector<milliseconds> waits_;
        bool is_over_ = false;
    };
    std::atomic<int> asked = 0;
    const test::HttpServer server([&](const test::Seen& seen) -> test::Reply {
        if (seen.target == "/v2/") return {};
        if (seen.method == "HEAD" && ++asked == 1) return {.status = 429, .headers = {{"Retry-After", "20"}}};
        return {.status = 404};
    });
    HeldClock clock;
    io::HttpClient http({}, "unit-test");
    Repository repository(http, oci::Reference::parse(server.host() + "/kong/x"), {.clock = &clock});
    std::jthread first([&] { CHECK_FALSE(repository.has_blob(io::sha256("one"))); });
    clock.wait_for_waits(1);
    std::jthread second([&] { CHECK_FALSE(repository.has_blob(io::sha256("two"))); });
    clock.wait_for_waits(2);
    CHECK(asked == 1);  // it has not asked, only to be told the same
    CHECK(clock.waits()[1] == std::chrono::seconds(20));
    clock.let_go();
    first.join();
    second.join();
    CHECK(asked >= 3);
}

TEST_CASE("where a Location leads") {
    const std::string asked = "https://r.example:5000/v2/kong/x/blobs/uploads/";
    for (const auto& [location, expected] : {
             std::pair<std::string, std::string>{"/u/1?_state=%2b", "https://r.example:5000/u/1?_state=%2b"},
             {"https://s.example/u?a=%2F", "https://s.example/u?a=%2F"},
             {"//s.example/u", "https://s.example/u"},
             {"r.example:5000/u/1", "https://r.example:5000/u/1"},
             {"https://s.example/u?a#b?c", "https://s.example/u?a"},
             {"HTTPS://s.example/u", "https://s.example/u"},
             {"1?s=2", "https://r.example:5000/v2/kong/x/blobs/uploads/1?s=2"},
         }) {
        CAPTURE(location);
        CHECK(located(asked, location) == expected);
    }
}

TEST_SUITE_END();

}  // namespace wasmx::registry
