// SPDX-License-Identifier: Apache-2.0
#include "registry/upload.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace wasmx::registry {

namespace {

// A registry answers the last byte only when its storage has taken the whole blob: 5 to 11 s have been seen for 700 MB
// at ghcr.io, and a limit of 30 s is what breaks large layers elsewhere.
constexpr std::chrono::seconds commit_idle_limit{120};

std::string with_digest(const std::string& upload_url, const Digest& digest) {
    const char joint = upload_url.find('?') == std::string::npos ? '?' : '&';
    return fmt::format("{}{}digest={}", upload_url, joint, digest.str());
}

void check_stored_digest(const Answer& answer, const Digest& digest) {
    const auto stated = answer.response.find_header("Docker-Content-Digest");
    const auto stored = stated ? Digest::try_parse(*stated) : std::nullopt;
    if (stored && *stored != digest)
        throw Error(Fault::integrity,
                    fmt::format("{} was sent and the registry stored {}", digest.str(), stored->str()));
}

void commit(Session& session, const std::string& upload_url, const oci::Descriptor& blob, const io::Body& body) {
    Call call;
    call.method = "PUT";
    call.url = with_digest(upload_url, blob.digest);
    call.headers.push_back({"Content-Type", "application/octet-stream"});
    call.body = io::Body{.size = blob.size, .open = body.open};
    call.idle_limit = commit_idle_limit;
    Answer answer = session.send(call);
    const int status = answer.response.status;
    // The specification knows 201 alone; the others have been met.
    if (status != 201 && status != 200 && status != 202 && status != 204) throw session.refusal(call, answer);
    check_stored_digest(answer, blob.digest);
}

// The reply to a PUT can get lost although the blob was stored, and the repeated PUT is then refused: only asking for
// the blob tells.
bool arrived_all_the_same(Session& session, const Digest& digest) {
    try {
        return ask_for_blob(session, digest);
    } catch (const io::TransportError&) {
        return false;
    } catch (const Refused&) {
        return false;
    }
}

bool is_refused_for_good(const Refused& refused) { return refused.status() == 401 || refused.status() == 413; }

}  // namespace

bool ask_for_blob(Session& session, const Digest& digest) {
    Call call;
    call.method = "HEAD";
    call.url = session.url_of("blobs/" + digest.str());
    Answer answer = session.send(call);
    const auto is_there = [&] { return answer.response.status >= 200 && answer.response.status < 400; };
    // A redirect to the storage proves it too, and storages refuse HEAD on URLs that were signed for GET.
    if (is_there()) return true;
    if (answer.response.status == 404) return false;
    if (answer.response.status == 401 || answer.response.status == 403) {
        call.method = "GET";  // whose refusal has a body that says why
        answer = session.send(call);
        if (is_there()) return true;
        if (answer.response.status == 404) return false;
    }
    throw session.refusal(call, answer);
}

std::string open_upload(Session& session) {
    Call call;
    call.method = "POST";
    call.url = session.url_of("blobs/uploads/");
    Answer answer = session.send(call);
    if (answer.response.status != 202) throw session.refusal(call, answer);
    const auto location = answer.response.find_header("Location");
    if (!location || location->empty())
        throw Error(Fault::unavailable, fmt::format("POST {}: the registry opened an upload and does not say where",
                                                    printable_url(call.url)));
    return session.located(call.url, *location);
}

void cancel_upload(Session& session, const std::string& upload_url) noexcept {
    try {
        Call call;
        call.method = "DELETE";
        call.url = upload_url;
        call.idle_limit = std::chrono::seconds(10);
        (void)session.send(call);
    } catch (...) {  // it expires
    }
}

void upload_blob(Session& session, const oci::Descriptor& blob, const io::Body& body) {
    const std::string upload_url = open_upload(session);
    try {
        commit(session, upload_url, blob, body);
    } catch (const Refused& refused) {
        if (is_refused_for_good(refused) || !arrived_all_the_same(session, blob.digest)) throw;
    } catch (const io::TransportError&) {
        if (!arrived_all_the_same(session, blob.digest)) throw;
    }
}

}  // namespace wasmx::registry
