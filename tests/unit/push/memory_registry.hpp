// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <map>
#include <mutex>

#include "io/stream.hpp"
#include "registry/registry.hpp"
#include "support/http_server.hpp"

namespace wasmx::push {

/// A registry that keeps what it is given, and checks it.
class MemoryRegistry {
public:
    std::string host() const { return server_.host(); }
    std::map<std::string, std::string> blobs() {
        const std::lock_guard lock(mutex_);
        return blobs_;
    }
    void keep(const std::string& blob) {
        const std::lock_guard lock(mutex_);
        blobs_[io::sha256(blob).str()] = blob;
    }
    std::string manifest(const std::string& tag) {
        const std::lock_guard lock(mutex_);
        return manifests_[tag];
    }
    std::vector<test::Seen> seen() const { return server_.seen(); }
    std::size_t uploads() const {
        const auto all = server_.seen();
        return static_cast<std::size_t>(
            std::count_if(all.begin(), all.end(), [](const test::Seen& seen) { return seen.method == "POST"; }));
    }
    /// Request number n (from 1) is done, and its answer lost.
    void lose_answer(std::size_t number) { lost_ = number; }

private:
    test::Reply serve(const test::Seen& seen) {
        const std::lock_guard lock(mutex_);
        if (seen.target == "/v2/") return {};
        const bool is_lost = ++count_ == lost_;
        test::Reply reply = answer(seen, is_lost);
        reply.lost = is_lost;
        return reply;
    }

    test::Reply answer(const test::Seen& seen, bool is_lost) {
        const std::string last = seen.target.substr(seen.target.rfind('/') + 1);
        const bool is_manifest = seen.target.find("/manifests/") != std::string::npos;
        if (seen.method == "POST") {
            const std::string upload = std::to_string(++opened_);
            sessions_[upload];
            return {.status = 202, .headers = {{"Location", "/v2/kong/x/blobs/uploads/" + upload}}};
        }
        if (seen.method == "PATCH" || seen.method == "PUT")
            return {.with_body = [this, last, is_manifest, is_lost](const test::Seen& whole) {
                test::Reply reply = is_manifest ? put_manifest(last, whole) : take(last, whole);
                reply.lost = is_lost;
                return reply;
            }};
        const auto& kept = is_manifest ? manifests_ : blobs_;
        const auto found = kept.find(last);
        if (seen.method == "DELETE") return {.status = 204};
        if (found == kept.end() && sessions_.contains(last)) return {.status = 204, .headers = progress_of(last)};
        if (found == kept.end()) return {.status = 404};
        if (is_manifest)
            return {.headers = {{"Content-Type", std::string(oci::media_type::oci_manifest)}}, .body = found->second};
        if (!seen.header("range").empty())
            return {.status = 206, .body = found->second.substr(found->second.size() - 1)};
        if (seen.method == "HEAD") return {.claimed_length = found->second.size()};
        return {.body = found->second};
    }

    std::vector<std::pair<std::string, std::string>> progress_of(const std::string& upload) {
        return {{"Location", "/v2/kong/x/blobs/uploads/" + upload},
                {"Range", "0-" + std::to_string(std::max<std::size_t>(sessions_[upload].size(), 1) - 1)}};
    }

    test::Reply take(const std::string& last, const test::Seen& whole) {
        const std::lock_guard lock(mutex_);
        const std::string upload = last.substr(0, last.find('?'));
        const auto session = sessions_.find(upload);
        if (session == sessions_.end()) return {.status = 404};
        session->second += whole.body;
        if (whole.method == "PATCH") return {.status = 202, .headers = progress_of(upload)};
        std::string digest = last.substr(last.find("digest=") + 7);
        if (const auto colon = digest.find("%3A"); colon != std::string::npos) digest.replace(colon, 3, ":");
        const std::string bytes = session->second;
        if (io::sha256(bytes).str() != digest)
            return {.status = 400, .body = R"({"errors":[{"code":"DIGEST_INVALID"}]})"};
        blobs_[digest] = bytes;
        sessions_.erase(session);
        return {.status = 201};
    }

    test::Reply put_manifest(const std::string& tag, const test::Seen& whole) {
        const std::lock_guard lock(mutex_);
        for (const oci::Descriptor& blob : oci::Manifest::parse(whole.body).layers)
            if (!blobs_.contains(blob.digest.str()))
                return {.status = 400, .body = R"({"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]})"};
        manifests_[tag] = manifests_[io::sha256(whole.body).str()] = whole.body;
        return {.status = 201};
    }

    std::mutex mutex_;
    std::map<std::string, std::string> blobs_;
    std::map<std::string, std::string> manifests_;
    std::map<std::string, std::string> sessions_;
    int opened_ = 0;
    std::size_t count_ = 0;
    std::size_t lost_ = 0;
    test::HttpServer server_{[this](const test::Seen& seen) { return serve(seen); }};
};

}  // namespace wasmx::push
