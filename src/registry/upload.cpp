// SPDX-License-Identifier: Apache-2.0
#include "registry/upload.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "io/url.hpp"
#include "registry/retry.hpp"

namespace wasmx::registry {

namespace {

Upload upload_of(const Call& call, const Answer& answer) {
    const auto location = answer.response.find_header("Location");
    if (!location || location->empty())
        throw Error(Fault::unavailable, fmt::format("POST {}: the registry opened an upload and does not say where",
                                                    printable_url(call.url)));
    const auto least = answer.response.find_header("OCI-Chunk-Min-Length");
    return {.url = located(call.url, *location), .least_chunk = parse_number(trim(least.value_or(""))).value_or(0)};
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

bool ask_for_blob(Session& session, const Digest& digest) {
    Call call;
    call.method = "HEAD";
    call.url = session.url_of("blobs/" + digest.str());
    Answer answer = session.send(call);
    const auto is_there = [&] { return answer.response.status >= 200 && answer.response.status < 400; };
    // A redirect to the storage proves it too, and storages refuse HEAD on URLs that were signed for GET.
    if (is_there()) return true;
    if (session.is_absent(answer)) return false;
    if (answer.response.status == 401 || answer.response.status == 403) {
        call.method = "GET";  // whose refusal has a body that says why
        answer = session.send(call);
        if (is_there()) return true;
        if (session.is_absent(answer)) return false;
    }
    throw session.refusal(call, answer);
}

bool arrived_all_the_same(Session& session, const Digest& digest) {
    try {
        return ask_for_blob(session, digest);
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
    return upload_of(call, answer);
}

bool cancel_upload(Session& session, const std::string& upload_url) noexcept {
    try {
        Call call;
        call.method = "DELETE";
        call.url = upload_url;
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
    std::string next = located(call.url, *location);
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
    return upload_of(call, answer);
}

}  // namespace wasmx::registry
