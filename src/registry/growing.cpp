// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "registry/retry.hpp"
#include "registry/upload.hpp"

// POST, one PATCH of unknown length without a Content-Range, an empty PUT: so Docker's own engine pushes, hence every
// registry takes it, and ghcr.io's limit of 4 MiB is one of chunks. The bytes are on their way while they are made;
// what goes wrong is left to an upload of the whole, which can be repeated and goes on in the same session where it
// may.

namespace wasmx::registry {

namespace {

void send_bytes(Session& session, const io::Body& bytes, Upload& upload) {
    Call call;
    call.method = "PATCH";
    call.url = upload.url;
    call.headers.push_back({"Content-Type", "application/octet-stream"});
    call.body = io::Body{.size = std::nullopt, .open = [&] {
                             return io::counted(bytes.open(), [&, at = std::uint64_t{0}](std::uint64_t count) mutable {
                                 at += count;
                                 upload.sent = std::max(upload.sent, at);
                             });
                         }};
    call.idle_limit = commit_idle_limit(4ULL << 30);  // how much it will be is not known; a proxy may take it all first
    Answer answer = session.send(call);
    if (!is_success(answer.response.status)) throw upload_refusal(session, call, answer);
    upload.url = next_upload_url(session, call, answer);
}

void commit(Session& session, const oci::Descriptor& blob, const Upload& upload) {
    Call call;
    call.method = "PUT";
    call.url = commit_url(upload.url, blob.digest);
    call.headers.push_back({"Content-Type", "application/octet-stream"});
    call.idle_limit = commit_idle_limit(blob.size);
    Answer answer = session.send(call);
    if (!is_success(answer.response.status)) throw upload_refusal(session, call, answer);
    check_stored(call, answer, blob.digest);
}

}  // namespace

void upload_growing(Session& session, const io::Body& bytes, const std::function<oci::Descriptor()>& whole,
                    std::optional<Upload> upload) {
    if (!upload) upload = with_retries([&] { return session.waiting(); }, [&] { return open_upload(session); });
    bool is_damaged = false;
    try {
        try {
            send_bytes(session, bytes, *upload);
            const oci::Descriptor blob = whole();
            upload->is_unanswered = true;
            commit(session, blob, *upload);
            return check_readable(session, blob);
        } catch (const Error& error) {
            if (error.fault() == Fault::interrupted) throw;
            // A right that is not there does not come while the rest is made.
            if (error.fault() == Fault::denied && !retry_advice(error)) throw;
            upload->is_unanswered = upload->is_unanswered && leaves_open(error);
            // What it has is not what was sent: nothing in this session can be trusted.
            const auto* refused = dynamic_cast<const Refused*>(&error);
            is_damaged = refused != nullptr && refused->has_code("DIGEST_INVALID");
            if (is_damaged) upload.reset();
            if (retry_advice(error)) wait_or_rethrow(1, session.waiting());
        }
        const oci::Descriptor blob = whole();
        if (is_damaged) io::drain(*io::verified(bytes.open(), blob.digest, blob.size));  // by us, or on the way
        return upload_blob(session, blob, bytes, upload);
    } catch (const Error& error) {
        if (error.fault() == Fault::interrupted && upload) cancel_upload(session, upload->url);
        throw;
    }
}

}  // namespace wasmx::registry
