// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "registry/session.hpp"

namespace wasmx::registry {

/// An upload session. (distribution-spec, "Pushing blobs")
struct Upload {
    std::string url;
    std::uint64_t least_chunk = 0;  ///< OCI-Chunk-Min-Length: no chunk but the last may be shorter
};

/// POST, the first half of "POST then PUT".
Upload open_upload(Session& session);
/// Ends a session that is not needed; registries that cannot (ghcr.io answers 405) let it expire.
/// False when nobody answered, and nobody will answer the next one.
bool cancel_upload(Session& session, const std::string& upload_url) noexcept;

/// How many bytes a session says it has ("Range: 0-1023": the last byte, not their number); nullopt when it does not
/// say. "bytes=" is of another header and has been met here.
std::optional<std::uint64_t> received_of(std::string_view range);

/// How far a session is.
struct UploadStatus {
    std::string url;             ///< from now on
    std::uint64_t received = 0;  ///< bytes; a session without any may say 1
};
/// nullopt when the registry does not tell, or knows no such session; throws what asking again may mend.
std::optional<UploadStatus> find_upload(Session& session, const std::string& upload_url);
/// The session's URL after `answer`: every reply may bring another, and the old one is void then.
std::string next_upload_url(Session& session, const Call& call, const Answer& answer);

/// Takes over a blob that the registry has in another repository; nullopt when it has it now, else the session that the
/// registry opened instead. (distribution-spec, "Mounting a blob from another repository")
std::optional<Upload> mount_or_open(Session& session, const Digest& digest, const std::string& from_repository);

/// All of it, with retries: returns when the registry has the blob and can give it. Begins with `upload` where there is
/// one already.
void upload_blob(Session& session, const oci::Descriptor& blob, const io::Body& body, std::optional<Upload> upload);

/// The same for a blob that is still being made, of which `bytes` yields what there is and waits for the rest; `whole`
/// waits until it is known what they are. What cannot be streamed is sent as a whole.
void upload_streamed(Session& session, const io::Body& bytes, std::function<oci::Descriptor()> whole,
                     std::optional<Upload> upload);

/// The error of an answer to a PATCH or PUT. A 404 is of the session, whatever its body says: a new one may stay.
Refused upload_refusal(Session& session, const Call& call, Answer& answer);
/// The URL of the PUT that commits an upload. (distribution-spec, "Single POST", "Pushing a blob in chunks")
std::string commit_url(const std::string& upload_url, const Digest& digest);
/// Throws Refused, as a registry that notices it itself would, when `answer` says that something else was stored.
void check_stored(const Call& call, const Answer& answer, const Digest& digest);

/// The specification knows one status for each request; others of the kind have been met.
constexpr bool is_success(int status) { return status >= 200 && status < 300; }

/// Whether an error leaves open what became of a request.
bool leaves_open(const Error& error);
/// How long the reply to the last byte may take: a registry gives it when its storage has taken the whole blob, after 5
/// to 11 s for 700 MB at ghcr.io. A limit of 30 s is what breaks large layers elsewhere.
std::chrono::seconds commit_idle_limit(std::uint64_t size);

/// Whether the registry has the blob (distribution-spec, "Checking if content exists in the registry"), and its last
/// byte: what a registry lists and what it can give may differ, after a garbage collection, or a disk that was full.
/// `size` 0: not known.
bool ask_for_blob(Session& session, const Digest& digest, std::uint64_t size);
/// The second half of it.
bool has_bytes(Session& session, const Digest& digest, std::uint64_t size);
/// What was stored is not there.
class NotKept : public Error {
public:
    explicit NotKept(std::string message)
        : Error(Fault::integrity, std::move(message),
                "run the same command again; if it stays so, the registry is at fault: its storage, or a cache of what "
                "it has (distribution's `blobdescriptor`) that outlived a garbage collection") {}
};
/// After an upload: throws NotKept when the blob cannot be read. To a login that may not read we have the registry's
/// word alone.
void check_readable(Session& session, const oci::Descriptor& blob);
/// The same as ask_for_blob after a failure, of which any further one says nothing new: then no.
bool arrived_all_the_same(Session& session, const Digest& digest, std::uint64_t size);

}  // namespace wasmx::registry
