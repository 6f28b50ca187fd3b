// SPDX-License-Identifier: Apache-2.0
#include "registry/upload.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "io/url.hpp"
#include "registry/download.hpp"
#include "registry/retry.hpp"

namespace wasmx::registry {

namespace {

Upload upload_of(Session& session, const Call& call, const Answer& answer) {
    const auto location = answer.response.find_header("Location");
    if (!location || location->empty())
        throw Error(Fault::unavailable, fmt::format("POST {}: the registry opened an upload and does not say where",
                                                    printable_url(call.url)));
    const auto least = answer.response.find_header("OCI-Chunk-Min-Length");
    std::string url = located(answer.url, *location);
    (void)session.is_home(url);  // where it leads out of TLS, say so before the bytes are made
    return {.url = std::move(url), .least_chunk = parse_number(trim(least.value_or(""))).value_or(0)};
}

}  // namespace

std::optional<std::uint64_t> received_of(std::string_view range) {
    range = trim(range);
    if (range.starts_with("bytes=")) range.remove_prefix(6);
    if (!range.starts_with("0-")) return std::nullopt;
    const auto last = parse_number(range.substr(2));
    if (!last || *last == UINT64_MAX) return std::nullopt;
    return *last + 1;
}

Refused upload_refusal(Session& session, const Call& call, Answer& answer) {
    Refused refused = session.refusal(call, answer);
    return refused.status() == 404 ? refused.with_code("BLOB_UPLOAD_UNKNOWN") : refused;
}

bool leaves_open(const Error& error) {
    const auto* refused = dynamic_cast<const Refused*>(&error);
    if (refused == nullptr) return dynamic_cast<const io::TransportError*>(&error) != nullptr;
    return refused->status() == 408 || refused->status() == 499 || refused->status() >= 500;
}

std::chrono::seconds commit_idle_limit(std::uint64_t size) {
    constexpr std::uint64_t slowest = 20'000'000;  // bytes each second
    return std::max(std::chrono::seconds(120), std::chrono::seconds(size / slowest));
}

std::string commit_url(const std::string& upload_url, const Digest& digest) {
    const char joint = upload_url.find('?') == std::string::npos ? '?' : '&';
    return fmt::format("{}{}digest={}", upload_url, joint, digest.str());
}

void check_stored(const Call& call, const Answer& answer, const Digest& digest) {
    const auto stated = answer.response.find_header("Docker-Content-Digest");
    const auto stored = stated ? Digest::try_parse(*stated) : std::nullopt;
    if (!stored || *stored == digest) return;
    throw Refused(Fault::integrity,
                  fmt::format("{} {}: {} was sent and the registry stored {}", call.method, printable_url(call.url),
                              digest.str(), stored->str()),
                  {}, answer.response.status, {{"DIGEST_INVALID", {}}}, std::nullopt, answer.is_foreign);
}

namespace {

// By HEAD, which some know from their records alone.
bool is_listed(Session& session, const Digest& digest) {
    Call call;
    call.method = "HEAD";
    call.url = session.url_of("blobs/" + digest.str());
    // A redirect to the storage says it too, and storages refuse HEAD on URLs that were signed for GET.
    Answer answer = session.send_once(call);
    const auto is_there = [&] { return answer.response.status >= 200 && answer.response.status < 400; };
    if (is_there()) return true;
    if (session.is_absent(answer)) return false;
    if (answer.response.status >= 400 && answer.response.status < 500 && answer.response.status != 429) {
        call.method = "GET";  // whose refusal has a body that says why; and some proxies know no HEAD
        answer = session.send_once(call);
        if (is_there()) return true;
        if (session.is_absent(answer)) return false;
    }
    throw session.refusal(call, answer);
}

bool has_length(const Answer& answer, std::uint64_t size) {
    const auto& response = answer.response;
    if (response.status == 206) {
        const auto part = find_part(response.find_header("Content-Range").value_or(""));
        return !part || part->whole.value_or(size) == size;
    }
    if (response.find_header("Content-Encoding")) return true;
    return parse_number(trim(response.find_header("Content-Length").value_or(""))).value_or(size) == size;
}

}  // namespace

bool has_bytes(Session& session, const Digest& digest, std::uint64_t size) {
    Call call;
    call.url = session.url_of("blobs/" + digest.str());
    const std::uint64_t last = size == 0 ? 0 : size - 1;
    call.headers.push_back({"Range", fmt::format("bytes={}-{}", last, last)});
    constexpr int tries = 2;
    for (int attempt = 1; attempt <= tries; ++attempt) {
        try {
            Answer answer = session.send(call);
            const int status = answer.response.status;
            if (status == 404 || (status == 416 && size > 0)) return false;
            if (status == 401 || status == 403 || status == 408 || status == 429 || status >= 500)
                throw session.refusal(call, answer);
            if (status != 200 && status != 206) return true;  // it knows no ranges, and says nothing
            if (size > 0 && !has_length(answer, size)) return false;
            std::array<std::byte, 1> byte{};
            if (size == 0 || answer.response.body->read(byte) == 1) return true;
        } catch (const io::TransportError& error) {
            // Broken off: by the network once, by what is missing each time.
            if (error.kind() != io::TransportError::Kind::broken) throw;
        }
    }
    return false;
}

bool ask_for_blob(Session& session, const Digest& digest, std::uint64_t size) {
    if (!is_listed(session, digest)) return false;
    try {
        return has_bytes(session, digest, size);
    } catch (const Refused& refused) {
        if (refused.fault() != Fault::denied || retry_advice(refused)) throw;
        return true;  // to a login that may not read we have its word alone
    }
}

bool arrived_all_the_same(Session& session, const Digest& digest, std::uint64_t size) {
    try {
        return ask_for_blob(session, digest, size);
    } catch (const Error& error) {
        if (error.fault() == Fault::interrupted) throw;
        return false;
    }
}

Upload open_upload(Session& session) {
    Call call;
    call.method = "POST";
    call.url = session.url_of("blobs/uploads/");
    Answer answer = session.send(call);
    if (answer.response.status != 202) throw session.refusal(call, answer);
    return upload_of(session, call, answer);
}

bool cancel_upload(Session& session, const std::string& upload_url) noexcept {
    try {
        Call call;
        call.method = "DELETE";
        call.url = upload_url;
        call.is_cleanup = true;
        call.idle_limit = std::chrono::seconds(10);
        (void)session.send(call);
        return true;
    } catch (...) {  // it expires
        return false;
    }
}

std::string next_upload_url(Session& session, const Call& call, const Answer& answer) {
    const auto location = answer.response.find_header("Location");
    if (!location || location->empty()) return call.url;
    std::string next = located(answer.url, *location);
    // The registry chose the storage, which chooses nobody in its turn.
    if (answer.is_foreign && !session.is_home(next) && io::Url::parse(next).host != io::Url::parse(call.url).host)
        throw Error(Fault::denied, fmt::format("{} {}: the storage leads on to {}", call.method,
                                               printable_url(call.url), printable_url(next)));
    return next;
}

std::optional<UploadStatus> find_upload(Session& session, const std::string& upload_url) {
    Call call;
    call.url = upload_url;
    Answer answer = session.send(call);
    if (answer.response.status != 204) {
        const Refused refused = session.refusal(call, answer);
        // A storage refuses to be asked with a URL that was signed for PUT: it does not tell, and that is no failure.
        const bool is_passing = refused.status() == 408 || refused.status() == 429 || refused.status() >= 500;
        if (is_passing && retry_advice(refused)) throw refused;
        return std::nullopt;
    }
    const auto received = received_of(answer.response.find_header("Range").value_or(""));
    if (!received) return std::nullopt;
    return UploadStatus{.url = next_upload_url(session, call, answer), .received = *received};
}

std::optional<Upload> mount_or_open(Session& session, const Digest& digest, const std::string& from_repository) {
    session.add_scope(fmt::format("repository:{}:pull", from_repository));
    Call call;
    call.method = "POST";
    // Quay fails where `from` is missing, so there is no mount without it.
    call.url = session.url_of(
        fmt::format("blobs/uploads/?mount={}&from={}", digest.str(), io::percent_encoded(from_repository)));
    Answer answer = session.send(call);
    if (answer.response.status == 201) return std::nullopt;
    if (answer.response.status != 202) throw session.refusal(call, answer);
    return upload_of(session, call, answer);
}

}  // namespace wasmx::registry
