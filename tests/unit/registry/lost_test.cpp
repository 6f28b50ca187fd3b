// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <mutex>
#include <set>

#include "registry/scene.hpp"

// What a registry has done and what it has said differ: each request of a push and of a pull in turn is answered by
// nobody, by a gateway's page, or is made twice by what stands in between. The push arrives all the same, and the pull.

namespace wasmx::registry {

TEST_SUITE_BEGIN("registry");

namespace {

enum class Mishap {
    none,
    dropped,       ///< the connection ends before anything was done
    not_done,      ///< 503, and nothing was done
    lost,          ///< done, and nobody says so
    gateway_page,  ///< done, and a proxy says 502 in HTML
    twice,         ///< done, done again, and the second answer is given
};

/// What registries differ in.
struct Habits {
    bool tells_sessions = true;  ///< how far an upload is; distribution 2.8 does not
    bool immutable_tags = false;
    bool mounts = true;
};

class KeepingRegistry {
public:
    KeepingRegistry(Habits habits, int which, Mishap mishap) : habits_(habits), which_(which), mishap_(mishap) {}

    std::string host() const { return server_.host(); }
    int requests() const {
        const std::lock_guard lock(mutex_);
        return requests_;
    }
    std::string mishap_at() const {
        const std::lock_guard lock(mutex_);
        return mishap_at_;
    }
    std::map<std::string, std::string> blobs;
    std::map<std::string, std::string> elsewhere;
    std::map<std::string, std::string> manifests;  ///< by digest
    std::map<std::string, std::string> tags;       ///< digests

private:
    test::Reply serve(const test::Seen& head) {
        const std::lock_guard lock(mutex_);
        const Mishap mishap = requests_++ == which_ ? mishap_ : Mishap::none;
        if (mishap != Mishap::none) mishap_at_ = head.line();
        if (mishap == Mishap::dropped)
            return {.drop_request_at = 0, .with_body = [](const auto&) { return test::Reply{.lost = true}; }};
        test::Reply reply;
        reply.with_body = [this, mishap](const test::Seen& seen) {
            const std::lock_guard inner(mutex_);
            if (mishap == Mishap::not_done) return test::Reply{.status = 503};
            test::Reply done = act(seen);
            if (mishap == Mishap::twice) done = act(seen);
            if (mishap == Mishap::gateway_page) return test::Reply{.status = 502, .body = "<html>Bad Gateway</html>"};
            done.lost = mishap == Mishap::lost;
            return done;
        };
        return reply;
    }

    static std::string parameter(const std::string& target, const std::string& name) {
        const auto at = target.find(name + "=");
        if (at == std::string::npos) return {};
        const auto begin = at + name.size() + 1;
        return target.substr(begin, target.find('&', begin) - begin);
    }

    test::Reply act(const test::Seen& seen) {
        const std::string path = seen.target.substr(0, seen.target.find('?'));
        if (path == "/token") return token("T");
        if (seen.header("authorization") != "Bearer T")
            return {.status = 401,
                    .headers = {{"WWW-Authenticate", "Bearer realm=\"" + server_.url() + "/token\",service=r"}}};
        const std::string last = path.substr(path.rfind('/') + 1);
        if (contains(path, "/manifests/")) return manifest(seen, last);
        if (contains(path, "/blobs/sha256:")) return blob(seen, last);
        if (seen.method == "POST") return open(seen);
        return upload(seen, last);
    }

    test::Reply manifest(const test::Seen& seen, const std::string& key) {
        if (seen.method == "PUT") {
            if (habits_.immutable_tags && tags.contains(key)) return complaint(409, "TAG_INVALID", "tag is immutable");
            tags[key] = io::sha256(seen.body).str();
            manifests[tags[key]] = seen.body;
            return {.status = 201};
        }
        const auto digest = tags.contains(key) ? tags.at(key) : key;
        const auto found = manifests.find(digest);
        return found == manifests.end() ? complaint(404, "MANIFEST_UNKNOWN") : test::Reply{.body = found->second};
    }

    test::Reply blob(const test::Seen& seen, const std::string& digest) {
        const auto found = blobs.find(digest);
        if (found == blobs.end()) return complaint(404, "BLOB_UNKNOWN");
        const std::string range = seen.header("range");
        if (range.empty()) return {.body = found->second};
        const std::size_t from = std::stoul(range.substr(range.find('=') + 1));
        const std::string size = std::to_string(found->second.size());
        return {.status = 206,
                .headers = {{"Content-Range", "bytes " + std::to_string(from) + "-" +
                                                  std::to_string(found->second.size() - 1) + "/" + size}},
                .body = found->second.substr(from)};
    }

    test::Reply open(const test::Seen& seen) {
        const std::string mounted = parameter(seen.target, "mount");
        if (habits_.mounts && elsewhere.contains(mounted)) {
            blobs[mounted] = elsewhere.at(mounted);
            return {.status = 201};
        }
        const std::string id = "u" + std::to_string(++opened_);
        uploads_[id];
        return {.status = 202, .headers = {{"Location", "/u/" + id}}};
    }

    test::Reply upload(const test::Seen& seen, const std::string& id) {
        const auto found = uploads_.find(id);
        if (found == uploads_.end() || (seen.method == "GET" && !habits_.tells_sessions))
            return complaint(404, "BLOB_UPLOAD_UNKNOWN");
        std::string& bytes = found->second;
        if (seen.method == "DELETE") return uploads_.erase(found), test::Reply{.status = 204};
        const std::string range = seen.header("content-range");
        if (!range.empty() && std::stoul(range) != bytes.size()) return complaint(416, "RANGE_INVALID");
        bytes += seen.body;
        if (seen.method == "PUT") {
            const std::string digest = parameter(seen.target, "digest");
            if (io::sha256(bytes).str() != digest) return complaint(400, "DIGEST_INVALID");
            blobs[digest] = bytes;
            uploads_.erase(found);
            return {.status = 201};
        }
        const std::string end = std::to_string(std::max<std::size_t>(bytes.size(), 1) - 1);
        return {.status = seen.method == "GET" ? 204 : 202,
                .headers = {{"Location", "/u/" + id}, {"Range", "0-" + end}}};
    }

    const Habits habits_;
    const int which_;
    const Mishap mishap_;
    mutable std::mutex mutex_;
    int requests_ = 0;
    int opened_ = 0;
    std::string mishap_at_;
    std::map<std::string, std::string> uploads_;
    test::HttpServer server_{[this](const test::Seen& seen) { return serve(seen); }};
};

std::string pattern(std::size_t size, int seed) {
    std::string out(size, ' ');
    for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i * static_cast<std::size_t>(31 + seed) >> 7);
    return out;
}

const std::string layer = pattern(1'200'000, 1);
const std::string growing = pattern(300'000, 2);
const std::string mounted = pattern(200'000, 3);
const std::string manifest_text = R"({"schemaVersion":2,"of":"this test"})";
const std::string type(oci::media_type::oci_manifest);

Repository::Options options_with(FakeClock& clock, Access access) {
    return {.access = access, .credential = [] { return std::optional(otto()); }, .clock = &clock};
}

void push_to(KeepingRegistry& registry) {
    registry.elsewhere[io::sha256(mounted).str()] = mounted;
    io::HttpClient http({}, "unit-test");
    FakeClock clock;
    Repository repository(http, oci::Reference::parse(registry.host() + "/kong/x"), options_with(clock, Access::push));
    repository.prove_push();
    for (const std::string& bytes : {layer, std::string("{}")}) {
        const auto blob = blob_of(bytes);
        if (!repository.has_blob(blob.digest, blob.size)) repository.put_blob(blob, io::body_of(bytes));
    }
    repository.put_streamed_blob({.size = std::nullopt, .open = [] { return io::from_string(growing); }},
                                 [] { return blob_of(growing); });
    const auto other = blob_of(mounted);
    if (!repository.mount_blob(other.digest, "kong/base", other.size)) repository.put_blob(other, io::body_of(mounted));
    CHECK(repository.put_manifest("1", manifest_text, type) == io::sha256(manifest_text));
}

void pull_from(KeepingRegistry& registry) {
    for (const std::string& bytes : {layer, std::string("{}")}) registry.blobs[io::sha256(bytes).str()] = bytes;
    registry.tags["1"] = io::sha256(manifest_text).str();
    registry.manifests[registry.tags["1"]] = manifest_text;
    io::HttpClient http({}, "unit-test");
    FakeClock clock;
    Repository repository(http, oci::Reference::parse(registry.host() + "/kong/x"), options_with(clock, Access::pull));
    const auto found = repository.find_manifest("1");
    REQUIRE(found);
    CHECK(found->bytes == manifest_text);
    for (const std::string& bytes : {layer, std::string("{}")})
        CHECK(io::read_all(*repository.open_blob(blob_of(bytes)), 2 << 20) == bytes);
    CHECK_FALSE(repository.find_manifest("2"));
}

template <class Work>
void with_each_mishap(Habits habits, Work&& work) {
    KeepingRegistry untroubled(habits, -1, Mishap::none);
    work(untroubled);
    for (int which = 0; which < untroubled.requests(); ++which) {
        for (const Mishap mishap :
             {Mishap::dropped, Mishap::not_done, Mishap::lost, Mishap::gateway_page, Mishap::twice}) {
            KeepingRegistry registry(habits, which, mishap);
            try {
                work(registry);
            } catch (const Error& error) {
                FAIL_CHECK("mishap " << static_cast<int>(mishap) << " at " << registry.mishap_at() << ": "
                                     << error.message());
                continue;
            }
            CAPTURE(registry.mishap_at());
            CAPTURE(static_cast<int>(mishap));
            CHECK(registry.tags.at("1") == io::sha256(manifest_text).str());
        }
    }
}

}  // namespace

TEST_CASE("a push arrives, whichever answer is lost or given twice") {
    for (const Habits habits : {Habits{}, Habits{.tells_sessions = false}, Habits{.immutable_tags = true},
                                Habits{.tells_sessions = false, .immutable_tags = true, .mounts = false}}) {
        CAPTURE(habits.tells_sessions);
        CAPTURE(habits.immutable_tags);
        with_each_mishap(habits, [](KeepingRegistry& registry) {
            push_to(registry);
            for (const std::string& bytes : {layer, growing, mounted})
                CHECK(registry.blobs.at(io::sha256(bytes).str()) == bytes);
        });
    }
}

TEST_CASE("a pull arrives, whichever answer is lost or given twice") { with_each_mishap({}, pull_from); }

TEST_CASE("a tag that refuses to be moved and is ours already is no failure; one of another image is") {
    const std::string put = "PUT /v2/kong/x/manifests/1";
    const std::string get = "GET /v2/kong/x/manifests/1";
    for (const test::Reply& refusal : {complaint(409, "TAG_INVALID", "immutable"), complaint(412, "PRECONDITION"),
                                       complaint(400, "DENIED", "tag already exists"), complaint(403, "DENIED")}) {
        Scene ours(
            {{put, {.lost = true}}, {put, refusal}, {get, {.body = manifest_text}}, {get, {.body = manifest_text}}});
        CHECK(ours.pushing().put_manifest("1", manifest_text, type) == io::sha256(manifest_text));
        Scene theirs({{put, refusal}, {get, {.body = "{}"}}});
        CHECK(contains(error_of([&] { theirs.pushing().put_manifest("1", manifest_text, type); }).message(),
                       std::to_string(refusal.status)));
        theirs.check();
    }
}

TEST_CASE("an answer that comes twice on one connection is not taken for that of the next request") {
    const std::string once = "HTTP/1.1 202 Accepted\r\nLocation: /u/1\r\nContent-Length: 0\r\n\r\n";
    Scene scene({{"POST /v2/kong/x/blobs/uploads/", {.raw = once + once}},
                 {"PUT /u/1?digest=" + blob_of(layer).digest.str(), {.status = 201}}});
    scene.pushing().put_blob(blob_of(layer), io::body_of(layer));
    scene.check();
}

TEST_SUITE_END();

}  // namespace wasmx::registry
