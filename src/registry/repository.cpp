// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <utility>

#include "base/text.hpp"
#include "io/compression.hpp"
#include "io/json.hpp"
#include "registry/download.hpp"
#include "registry/registry.hpp"
#include "registry/retry.hpp"
#include "registry/session.hpp"
#include "registry/upload.hpp"

namespace wasmx::registry {

namespace {

// Registries take manifests up to 4 MiB (distribution-spec, "Pushing Manifests"); twice that is read.
constexpr std::uint64_t manifest_limit = 8 << 20;

constexpr int attempts_to_read_back = 5;

// All four: a registry that has only a kind that was not named says that there is nothing.
std::string accepted_types() {
    using namespace oci::media_type;
    return fmt::format("{}, {}, {}, {}", oci_index, oci_manifest, docker_list, docker_manifest);
}

std::string content_type_of(const io::HttpResponse& response) {
    const std::string value = response.find_header("Content-Type").value_or("");
    return std::string(trim(std::string_view(value).substr(0, value.find(';'))));
}

// Whoever stands before a registry has pages of his own, and his 404 is not the registry's word that there is nothing.
bool is_in_foreign_words(int status, const FoundManifest& answer) {
    if (answer.media_type == "text/html") return true;
    return status != 200 && !trim(answer.bytes).empty() && !io::try_parse_json(answer.bytes).is_object();
}

void check_digest(const Call& call, const Digest& expected, const Digest& got, std::string_view who) {
    if (expected == got) return;
    throw Error(Fault::integrity, fmt::format("{} {}: {} {}, and the bytes have {}", call.method,
                                              printable_url(call.url), who, expected.str(), got.str()));
}

// What the registry says that it sent or stored; a digest of another kind than ours says nothing.
std::optional<Digest> stated_digest(const io::HttpResponse& response) {
    const auto header = response.find_header("Docker-Content-Digest");
    return header ? Digest::try_parse(*header) : std::nullopt;
}

}  // namespace

struct Repository::State {
    State(io::HttpClient& http, const oci::Reference& name, const Options& options)
        : session(http, name, options), registry(name.registry()), patience(options.patience), warn(options.warn) {}

    template <class Work>
    auto retrying(Work&& work) {
        return with_retries([this] { return session.waiting(); }, std::forward<Work>(work));
    }

    std::optional<FoundManifest> get_manifest(const std::string& key);
    void send_manifest(const std::string& tag, const std::string& bytes, const std::string& media_type,
                       const Digest& digest);
    std::optional<Digest> digest_now_at(const std::string& tag);
    void keep_opened(const Digest& digest, Upload upload);
    std::optional<Upload> take_opened(const Digest& digest);
    std::optional<Upload> take_spare();

    Session session;
    const std::string registry;
    const Patience patience;
    const std::function<void(const std::string&)> warn;
    std::mutex mutex;
    std::map<Digest, Upload> opened;  // by a mount that was none
    std::optional<Upload> spare;      // opened as a proof
    TimePoint spare_since;
    std::atomic<bool> has_proved_push = false;
};

Repository::Repository(io::HttpClient& http, const oci::Reference& name, const Options& options)
    : state_(std::make_unique<State>(http, name, options)) {}

Repository::~Repository() {
    if (state_->spare && !cancel_upload(state_->session, state_->spare->url)) return;
    for (const auto& [digest, upload] : state_->opened)
        if (!cancel_upload(state_->session, upload.url)) return;
}

std::optional<FoundManifest> Repository::State::get_manifest(const std::string& key) {
    Call call;
    call.url = session.url_of("manifests/" + key);
    call.headers.push_back({"Accept", accepted_types()});
    call.total_limit = small_answer_limit;
    Answer answer = session.send(call);
    const int status = answer.response.status;
    if (status != 200 && !session.is_absent(answer)) throw session.refusal(call, answer);
    FoundManifest found;
    found.media_type = content_type_of(answer.response);
    // A proxy may compress what nobody asked it to; JSON does not begin like that.
    found.bytes = io::read_all(*io::decompressed(std::move(answer.response.body)), manifest_limit);
    if (is_in_foreign_words(status, found))
        throw Error(Fault::unavailable,
                    fmt::format("GET {}: {}, and a page that is no registry's", printable_url(call.url), status),
                    "a proxy, a login page or a web server answers in the registry's place: is the address right?");
    if (status != 200) return std::nullopt;
    found.digest = io::sha256(found.bytes);
    if (const auto stated = stated_digest(answer.response))
        check_digest(call, *stated, found.digest, "the registry states");
    if (const auto asked = Digest::try_parse(key)) check_digest(call, *asked, found.digest, "asked for");
    return found;
}

std::optional<FoundManifest> Repository::find_manifest(const std::string& tag_or_digest) {
    return state_->retrying([&] { return state_->get_manifest(tag_or_digest); });
}

const std::string& Repository::registry() const noexcept { return state_->registry; }

bool Repository::has_blob(const Digest& digest, std::uint64_t size) {
    try {
        return state_->retrying([&] { return ask_for_blob(state_->session, digest, size); });
    } catch (const Refused& refused) {
        // Who may push and not look, as docker has it: it is sent.
        if (refused.fault() != Fault::denied || !state_->has_proved_push) throw;
        return false;
    }
}

io::SourcePtr Repository::open_blob(const oci::Descriptor& blob) {
    return io::verified(download(state_->session, blob), blob.digest, blob.size);
}

void Repository::put_blob(const oci::Descriptor& blob, const io::Body& body) {
    upload_blob(state_->session, blob, body, state_->take_opened(blob.digest));
}

void Repository::put_streamed_blob(const io::Body& bytes, const std::function<oci::Descriptor()>& whole) {
    auto upload = [&] {
        const std::lock_guard lock(state_->mutex);
        return state_->take_spare();
    }();
    upload_streamed(state_->session, bytes, whole, std::move(upload));
}

bool Repository::mount_blob(const Digest& digest, const std::string& from_repository, std::uint64_t size) {
    Session& session = state_->session;
    try {
        auto upload = mount_or_open(session, digest, from_repository);
        if (upload) state_->keep_opened(digest, std::move(*upload));
        return !upload && has_bytes(session, digest, size);
    } catch (const io::TransportError&) {
        return arrived_all_the_same(session, digest, size);
    } catch (const Error& error) {
        if (error.fault() == Fault::interrupted) throw;
        return false;
    }
}

void Repository::State::keep_opened(const Digest& digest, Upload upload) {
    const std::lock_guard lock(mutex);
    opened.insert_or_assign(digest, std::move(upload));
}

std::optional<Upload> Repository::State::take_opened(const Digest& digest) {
    const std::lock_guard lock(mutex);
    const auto node = opened.extract(digest);
    return node ? std::optional(node.mapped()) : take_spare();
}

// How long a registry keeps a session is not known of most: an old one is left to be cancelled.
std::optional<Upload> Repository::State::take_spare() {
    constexpr std::chrono::minutes fresh{1};
    return session.clock().now() - spare_since < fresh ? std::exchange(spare, std::nullopt) : std::nullopt;
}

void Repository::State::send_manifest(const std::string& tag, const std::string& bytes, const std::string& media_type,
                                      const Digest& digest) {
    Call call;
    call.method = "PUT";
    call.url = session.url_of("manifests/" + tag);
    call.headers.push_back({"Content-Type", media_type});
    call.body = io::body_of(bytes);
    Answer answer = session.send(call);
    if (!is_success(answer.response.status)) throw session.refusal(call, answer);
    if (const auto stored = stated_digest(answer.response)) check_digest(call, *stored, digest, "the registry stored");
}

Digest Repository::put_manifest(const std::string& tag, const std::string& bytes, const std::string& media_type) {
    const Digest digest = io::sha256(bytes);
    try {
        state_->retrying([&] { state_->send_manifest(tag, bytes, media_type, digest); });
    } catch (const Error& error) {
        // The first answer may have been lost, and a tag that may not be moved refuses what stands there already.
        if (error.fault() == Fault::interrupted || state_->digest_now_at(tag) != digest) throw;
    }
    try {
        read_back(tag, digest);
    } catch (const Refused& refused) {
        if (refused.fault() != Fault::denied) throw;
        if (state_->warn)
            state_->warn(fmt::format("what was pushed cannot be read back with this login: {}", refused.message()));
    }
    return digest;
}

// nullopt: none, or nobody says.
std::optional<Digest> Repository::State::digest_now_at(const std::string& tag) {
    try {
        const auto found = get_manifest(tag);
        return found ? std::optional(found->digest) : std::nullopt;
    } catch (const Error& error) {
        if (error.fault() == Fault::interrupted) throw;
        return std::nullopt;
    }
}

// What was just taken may not be there for everybody yet, and the tag may be the old one for some seconds.
void Repository::read_back(const std::string& tag, const Digest& digest) {
    std::optional<FoundManifest> at_tag;
    for (int attempt = 1;; ++attempt) {
        at_tag = find_manifest(tag);
        if (at_tag && at_tag->digest == digest) return;
        if (attempt == attempts_to_read_back || state_->patience == Patience::brief) break;
        state_->session.clock().wait(retry_delay(attempt, milliseconds(0), 0), state_->session.stop());
    }
    if (!find_manifest(digest.str()))
        throw Error(Fault::integrity,
                    fmt::format("the registry took the manifest {} and does not have it", digest.str()),
                    "run the same command again; if it stays so, the registry is at fault");
    if (!at_tag)
        throw Error(Fault::integrity,
                    fmt::format("the registry took the manifest {} and has no tag {}", digest.str(), tag),
                    "run the same command again; if it stays so, the registry is at fault");
    if (state_->warn)
        state_->warn(
            fmt::format("{} was pushed, and the tag {} is {}: somebody else has pushed it, or the registry is "
                        "slow to tell",
                        digest.str(), tag, at_tag->digest.str()));
}

void Repository::interrupt() { state_->session.interrupt(); }
void Repository::resume() { state_->session.resume(); }

void Repository::prove_push() {
    if (state_->has_proved_push) return;
    Upload upload = state_->retrying([&] { return open_upload(state_->session); });
    const std::lock_guard lock(state_->mutex);
    state_->spare = std::move(upload);
    state_->spare_since = state_->session.clock().now();
    state_->has_proved_push = true;
}

}  // namespace wasmx::registry
