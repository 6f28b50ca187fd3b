// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>

#include "io/stream.hpp"
#include "registry/fake_clock.hpp"
#include "registry/scene.hpp"

namespace wasmx::registry {

/// A registry with a token service and a storage on a host of its own, that keeps what it is given and, as often as it
/// is told to, does to a request what has been seen in the wild. Equal seeds have equal habits.
class FaultRegistry {
public:
    FaultRegistry(unsigned seed, int faults_in_100)
        : random_(seed),
          faults_in_100_(faults_in_100),
          resumable_(chance(60)),
          lying_(chance(15)),
          foreign_(chance(30)),
          capped_(chance(15)),
          tokens_([this](const test::Seen& seen) { return serve_token(seen); }),
          storage_([this](const test::Seen& seen) { return serve(seen, Host::storage); }),
          registry_([this](const test::Seen& seen) { return serve(seen, Host::registry); }) {}

    std::string host() const { return registry_.host(); }
    FakeClock& clock() { return clock_; }
    /// What another repository of the registry has.
    void keep_elsewhere(const std::string& bytes) {
        const std::lock_guard lock(mutex_);
        elsewhere_[io::sha256(bytes).str()] = bytes;
    }
    std::map<std::string, std::string> blobs() const {
        const std::lock_guard lock(mutex_);
        return blobs_;
    }
    std::map<std::string, std::string> manifests() const {
        const std::lock_guard lock(mutex_);
        return manifests_;
    }
    /// What no client may do; empty when none was done.
    std::string violations() const {
        const std::lock_guard lock(mutex_);
        return violations_;
    }
    int faults() const {
        const std::lock_guard lock(mutex_);
        return faults_;
    }

private:
    enum class Host { registry, storage };
    enum class Kind {
        none,
        before_body,
        in_body,
        lost,
        unauthorized,
        busy,
        secondary,
        broken,
        forgotten,
        range,
        damaged
    };
    struct Upload {
        std::string bytes;
        int state = 0;
    };

    bool chance(int in_100) { return pick(100) < in_100; }
    int pick(int count) { return static_cast<int>(random_() % static_cast<unsigned>(count)); }

    test::Reply serve_token(const test::Seen& seen) {
        const std::lock_guard lock(mutex_);
        if (seen.header("authorization") != "Basic b3R0bzpzM2NyZXQ=") return complaint(401, "UNAUTHORIZED");
        if (chance(faults_in_100_)) {
            ++faults_;
            if (chance(50)) return {.status = 503};
            return {.lost = true};
        }
        const int lives[] = {4, 60, 300};
        const int life = lives[pick(3)];
        const std::string value = "tok-" + std::to_string(++issued_);
        valid_until_["Bearer " + value] = clock_.now() + std::chrono::seconds(life);
        return token(value, life);
    }

    test::Reply serve(const test::Seen& seen, Host host) {
        const std::lock_guard lock(mutex_);
        if (seen.target == "/v2/") return {.status = 401};
        const std::string authorization = seen.header("authorization");
        if (host == Host::storage && seen.headers.contains("authorization")) violations_ += "storage was authorised\n";
        if (host == Host::registry) {
            if (authorization.starts_with("Basic")) violations_ += "the registry saw the password\n";
            const auto found = valid_until_.find(authorization);
            if (found == valid_until_.end() || found->second <= clock_.now()) return unauthorized();
        }
        const Kind kind = next_fault();
        if (kind == Kind::unauthorized && host == Host::registry) {
            valid_until_.erase(authorization);
            return unauthorized();
        }
        if (auto refusal = refused(kind)) return *refusal;
        if (seen.method == "PUT" || seen.method == "PATCH") return take_body(seen, kind);
        test::Reply reply = act(seen, kind);
        if (kind == Kind::in_body && !reply.body.empty()) reply.drop_reply_at = reply.body.size() / 2;
        reply.lost = kind == Kind::lost || kind == Kind::before_body;
        return reply;
    }

    Kind next_fault() {
        if (!chance(faults_in_100_)) return Kind::none;
        ++faults_;
        return static_cast<Kind>(1 + pick(10));
    }

    test::Reply unauthorized() const {
        return {.status = 401,
                .headers = {{"WWW-Authenticate", "Negotiate, Bearer realm=\"" + tokens_.url() + "/token\",service=r"}}};
    }

    // What is said before the bytes have been looked at.
    std::optional<test::Reply> refused(Kind kind) {
        switch (kind) {
            case Kind::busy: {
                const int form = pick(3);
                if (form == 0) return test::Reply{.status = 429, .headers = {{"Retry-After", "3"}}};
                if (form == 1)
                    return complaint(429, "TOOMANYREQUESTS", "retry-after: 10.305464ms, allowed: 2000/minute");
                return test::Reply{.status = 429, .headers = {{"Retry-After", "Fri, 02 Jan 2026 03:00:20 GMT"}}};
            }
            case Kind::secondary:
                return test::Reply{.status = 403, .body = R"({"message":"You have exceeded a secondary rate limit"})"};
            case Kind::broken: {
                const int statuses[] = {500, 502, 503, 504, 408, 499};
                return test::Reply{.status = statuses[pick(6)], .early = chance(50)};
            }
            default: return std::nullopt;
        }
    }

    test::Reply take_body(const test::Seen& seen, Kind kind) {
        const bool is_chunked = seen.header("transfer-encoding") == "chunked";  // its length is anyone's guess
        const auto size = is_chunked ? std::size_t{1} << 20 : std::stoul("0" + seen.header("content-length"));
        if (capped_ && size > (1 << 20) && seen.target.find("/manifests/") == std::string::npos)
            return {.status = 413, .body = "<html>too large</html>"};
        test::Reply reply;
        if (kind == Kind::before_body) reply.drop_request_at = 0;
        if (kind == Kind::in_body) reply.drop_request_at = size == 0 ? 0 : random_() % size;
        reply.with_body = [this, kind](const test::Seen& whole) {
            const std::lock_guard lock(mutex_);
            const bool dropped = kind == Kind::before_body || kind == Kind::in_body;
            if (dropped) return keep_part(whole), test::Reply();
            test::Reply done = act(whole, kind);
            done.lost = kind == Kind::lost;
            return done;
        };
        return reply;
    }

    static std::string id_of(const std::string& target) {
        const auto path = target.substr(0, target.find('?'));
        return path.substr(path.rfind('/') + 1);
    }
    static std::string parameter(const std::string& target, const std::string& name) {
        const auto at = target.find(name + "=");
        if (at == std::string::npos) return {};
        const auto begin = at + name.size() + 1;
        return target.substr(begin, target.find('&', begin) - begin);
    }

    // One that forgets what broke off is as distribution 2.8 is, the other as its successor.
    void keep_part(const test::Seen& seen) {
        const auto found = uploads_.find(id_of(seen.target));
        if (found == uploads_.end()) return;
        if (resumable_)
            found->second.bytes += seen.body;
        else
            uploads_.erase(found);
    }

    test::Reply act(const test::Seen& seen, Kind kind) {
        const std::string path = seen.target.substr(0, seen.target.find('?'));
        if (path.find("/manifests/") != std::string::npos) return manifest(seen, path.substr(path.rfind('/') + 1));
        if (path == repository_path + "blobs/uploads/") return open(seen);
        if (path.starts_with(repository_path + "blobs/sha256:")) return blob(path.substr(path.rfind('/') + 1));
        return upload(seen, kind);
    }

    // It knows no ranges.
    test::Reply blob(const std::string& digest) const {
        const auto found = blobs_.find(digest);
        if (found == blobs_.end()) return {.status = 404};
        return {.body = found->second};
    }

    test::Reply manifest(const test::Seen& seen, const std::string& key) {
        if (seen.method == "PUT") {
            for (const auto& digest : digests_in(seen.body))
                if (!blobs_.contains(digest)) violations_ += "a manifest before its blobs\n";
            const std::string digest = io::sha256(seen.body).str();
            manifests_[key] = manifests_[digest] = seen.body;
            return {.status = 201, .headers = {{"Docker-Content-Digest", digest}}};
        }
        const auto found = manifests_.find(key);
        if (found == manifests_.end()) return complaint(404, "MANIFEST_UNKNOWN");
        return {.body = found->second};
    }

    test::Reply open(const test::Seen& seen) {
        const std::string mounted = parameter(seen.target, "mount");
        if (const auto found = elsewhere_.find(mounted); found != elsewhere_.end()) {
            blobs_.insert(*found);
            return {.status = 201};
        }
        const std::string id = "u" + std::to_string(++opened_);
        uploads_[id];
        return {.status = 202, .headers = {{"Location", location(id)}}};
    }

    std::string location(const std::string& id) {
        const std::string target = "/u/" + id + "?_state=" + std::to_string(uploads_[id].state);
        if (foreign_) return storage_.url() + target;
        return chance(50) ? target : registry_.url() + target;
    }

    test::Reply upload(const test::Seen& seen, Kind kind) {
        const std::string id = id_of(seen.target);
        if (kind == Kind::forgotten) uploads_.erase(id);
        const auto found = uploads_.find(id);
        if (found == uploads_.end()) return complaint(404, "BLOB_UPLOAD_UNKNOWN");
        Upload& one = found->second;
        if (seen.method == "DELETE") return uploads_.erase(found), test::Reply{.status = 204};
        const bool asks = seen.method == "GET";
        if (asks && !resumable_) return complaint(404, "BLOB_UPLOAD_INVALID");
        if (!asks) {
            const std::string range = seen.header("content-range");
            const auto start = std::stoul("0" + range.substr(0, range.find('-')));
            const bool fits = range.empty() || start == one.bytes.size() || lying_;
            if (kind == Kind::range || !fits) return complaint(416, "RANGE_INVALID");
            if (parameter(seen.target, "_state") != std::to_string(one.state))
                return complaint(404, "BLOB_UPLOAD_INVALID");
            one.bytes += seen.body;
            if (kind == Kind::damaged && !one.bytes.empty()) one.bytes.back() ^= 1;
            if (seen.method == "PUT") return commit(id, parameter(seen.target, "digest"));
        }
        ++one.state;
        std::size_t said = std::max<std::size_t>(one.bytes.size(), 1);
        if (lying_) said = 1 + said / 2;
        return {.status = asks ? 204 : 202,
                .headers = {{"Location", location(id)}, {"Range", "0-" + std::to_string(said - 1)}}};
    }

    test::Reply commit(const std::string& id, const std::string& digest) {
        const std::string bytes = std::move(uploads_[id].bytes);
        uploads_.erase(id);
        const std::string got = io::sha256(bytes).str();
        if (got != digest && chance(50)) return complaint(400, "DIGEST_INVALID");
        blobs_[got] = bytes;  // a careless one stores it all the same, and says as what
        return {.status = 201, .headers = {{"Docker-Content-Digest", got}}};
    }

    static std::set<std::string> digests_in(const std::string& text) {
        std::set<std::string> out;
        for (auto at = text.find("sha256:"); at != std::string::npos; at = text.find("sha256:", at + 1))
            out.insert(text.substr(at, 7 + 64));
        return out;
    }

    mutable std::mutex mutex_;
    std::mt19937 random_;
    const int faults_in_100_;
    const bool resumable_;
    const bool lying_;
    const bool foreign_;
    const bool capped_;
    FakeClock clock_;
    std::map<std::string, std::string> blobs_;
    std::map<std::string, std::string> elsewhere_;
    std::map<std::string, std::string> manifests_;
    std::map<std::string, Upload> uploads_;
    std::map<std::string, TimePoint> valid_until_;
    std::string violations_;
    int faults_ = 0;
    int issued_ = 0;
    int opened_ = 0;
    test::HttpServer tokens_;
    test::HttpServer storage_;
    test::HttpServer registry_;
};

}  // namespace wasmx::registry
