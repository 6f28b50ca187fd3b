// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "registry/retry.hpp"
#include "registry/upload.hpp"

// One PUT with everything is what all registries take and what is fastest, so it always comes first. A session that
// broke off is gone on with where the registry can (distribution v3, zot) and begun anew where it cannot
// (distribution 2.8 forgets it). Chunks come only after a refusal that says that the whole is too large for one
// request: they make many requests, ghcr.io limits those and takes no chunk over 4 MiB, and others take none at all.

namespace wasmx::registry {

namespace {

constexpr std::uint64_t usual_chunk = 4 << 20;
constexpr std::uint64_t small_chunk = 1 << 20;  // nginx takes no more unless it is told to
// A chunk is held in memory; a registry that wants larger ones does not want chunks.
constexpr std::uint64_t largest_chunk = 16 << 20;
// What got further by as much did not fail for the same reason as before: the attempts are counted anew.
constexpr std::uint64_t worthwhile = 1 << 20;

void skip(io::Source& source, std::uint64_t count) {
    std::vector<std::byte> buffer(static_cast<std::size_t>(std::min<std::uint64_t>(count, io::chunk_size)));
    while (count > 0) {
        const std::size_t got = source.read(
            std::span(buffer).first(static_cast<std::size_t>(std::min<std::uint64_t>(count, buffer.size()))));
        if (got == 0) throw Error(Fault::integrity, "the bytes to be uploaded end too early");
        count -= got;
    }
}

/// Bytes from anywhere in a body; from front to back it is read once.
class Pieces {
public:
    explicit Pieces(std::function<io::SourcePtr()> open) : open_(std::move(open)) {}

    std::string take(std::uint64_t from, std::uint64_t size) {
        if (source_ == nullptr) {
            source_ = open_();
            skip(*source_, from);
        }
        std::string piece(static_cast<std::size_t>(size), '\0');
        const auto buffer = std::as_writable_bytes(std::span(piece));
        for (std::size_t filled = 0; filled < piece.size();) {
            const std::size_t got = source_->read(buffer.subspan(filled));
            if (got == 0) throw Error(Fault::integrity, "the bytes to be uploaded end too early");
            filled += got;
        }
        return piece;
    }

private:
    std::function<io::SourcePtr()> open_;
    io::SourcePtr source_;
};

/// The request is too large, and not the blob: a registry that has no room for the blob says so in OCI's form.
bool is_too_large_at_once(const Refused& refused) {
    if (refused.status() == 413) return !refused.has_any_code();
    return refused.status() == 416 && lower(refused.message()).find("maximum permissible limit") != std::string::npos;
}

/// One blob on its way, and what is known of it between the attempts.
class Delivery {
public:
    Delivery(Session& session, const oci::Descriptor& blob, const io::Body& body, std::optional<Upload> upload)
        : session_(session), blob_(blob), body_(body), upload_(std::move(upload)) {
        if (upload_) sent_ = std::min(upload_->sent, blob.size);
        is_unanswered_ = upload_ && upload_->is_unanswered;
        tried_ = sent_ > 0;
    }

    void run();

private:
    enum class Shape { whole, chunked };

    bool finds_other_way(const Error& error);
    void attempt();
    bool has_arrived();
    bool can_go_on();
    void note_progress(std::uint64_t received);
    Refused refusal(const Call& call, Answer& answer);
    void send_rest();
    void send_chunks();

    Session& session_;
    const oci::Descriptor& blob_;
    const io::Body& body_;
    std::optional<Upload> upload_;
    int attempt_ = 1;
    bool tried_ = false;
    bool is_committing_ = false;
    bool is_unanswered_ = false;  ///< the last commit
    Shape shape_ = Shape::whole;
    std::uint64_t chunk_ = usual_chunk;
    bool may_resume_ = true;
    bool damaged_ = false;
    std::uint64_t offset_ = 0;      ///< what the registry has, as far as we know
    std::uint64_t sent_ = 0;        ///< in this session
    std::uint64_t resumed_at_ = 0;  ///< in this session
    std::uint64_t farthest_ = 0;
    int unanswered_ = 0;
};

void Delivery::run() {
    for (;;) {
        try {
            return attempt();
        } catch (const Error& error) {
            if (std::exchange(is_committing_, false)) is_unanswered_ = leaves_open(error);
            if (finds_other_way(error)) continue;
            wait_or_rethrow(attempt_, session_.waiting());
            ++attempt_;
        }
    }
}

// True when there is a way that was not tried yet, which needs no wait: each is found once.
bool Delivery::finds_other_way(const Error& error) {
    const auto* refused = dynamic_cast<const Refused*>(&error);
    if (refused == nullptr) return false;
    if (refused->has_code("DIGEST_INVALID")) {
        // Damaged on the way, or pieced together wrongly: once more, all of it, and this time with our side checked.
        attempt_ = damaged_ ? std::max(attempt_, 2) : 1;  // once more, and no second time
        damaged_ = true;
        may_resume_ = false;
    } else if (is_too_large_at_once(*refused) && blob_.size > small_chunk) {
        upload_.reset();
        if (shape_ == Shape::whole && offset_ > 0) {
            may_resume_ = false;  // it was a rest that was too large; the whole may be none
            return true;
        }
        if (shape_ == Shape::whole) {
            shape_ = Shape::chunked;
            return true;
        }
        return std::exchange(chunk_, small_chunk) > small_chunk;
    } else if (refused->status() == 404) {
        upload_.reset();
    }
    return false;
}

void Delivery::attempt() {
    if (tried_ && !can_go_on()) {
        upload_.reset();
        // The reply to the last byte may have been lost, and what is stored is not taken again.
        if (has_arrived()) return;
    }
    if (damaged_) io::drain(*io::verified(body_.open(), blob_.digest, blob_.size));
    if (!upload_) {
        upload_ = open_upload(session_);
        offset_ = sent_ = resumed_at_ = 0;
    }
    tried_ = true;
    if (shape_ == Shape::chunked) send_chunks();
    send_rest();
}

// When every byte was sent, and nobody said no, the registry may still be storing them: to wait for that takes less
// than to send them again.
bool Delivery::has_arrived() {
    constexpr std::uint64_t stored_in_a_second = 60'000'000;
    constexpr milliseconds step = std::chrono::seconds(1);
    auto left =
        is_unanswered_ && sent_ == blob_.size ? milliseconds(1000 * blob_.size / stored_in_a_second) : milliseconds(0);
    for (;; left -= step) {
        if (ask_for_blob(session_, blob_.digest, blob_.size)) return true;
        if (left < step) return false;
        session_.clock().wait(step, session_.stop());
    }
}

// Asks the registry how far it got; what it says is not always true (distribution says 1 for 0, others too little or
// always the same), so it is believed only where it can be, and the digest decides in the end.
bool Delivery::can_go_on() {
    if (!upload_ || !may_resume_ || sent_ == 0) return false;
    std::optional<UploadStatus> status;
    try {
        status = find_upload(session_, upload_->url);
        unanswered_ = 0;
    } catch (const Error& error) {
        // One silence is the same trouble as before; after two the session is given up.
        if (!retry_advice(error) || ++unanswered_ > 1) return false;
        throw;
    }
    if (!status || status->received <= std::max<std::uint64_t>(resumed_at_, 1) || status->received > sent_)
        return false;
    upload_->url = status->url;
    offset_ = resumed_at_ = status->received;
    note_progress(offset_);
    return true;
}

void Delivery::note_progress(std::uint64_t received) {
    if (received < farthest_ + worthwhile) return;
    farthest_ = received;
    attempt_ = 1;
}

// Also what is refused may bring the session's next URL.
Refused Delivery::refusal(const Call& call, Answer& answer) {
    if (answer.response.status == 416 && answer.response.find_header("Location"))
        upload_->url = next_upload_url(session_, call, answer);
    return upload_refusal(session_, call, answer);
}

// The PUT that commits, with all that is still missing.
void Delivery::send_rest() {
    Call call;
    call.method = "PUT";
    call.url = commit_url(upload_->url, blob_.digest);
    call.headers.push_back({"Content-Type", "application/octet-stream"});
    const std::uint64_t from = offset_;
    // (distribution-spec, "Pushing a blob in chunks": both ends, no unit, no total)
    if (from > 0 && from < blob_.size)
        call.headers.push_back({"Content-Range", fmt::format("{}-{}", from, blob_.size - 1)});
    if (from < blob_.size)
        call.body = io::Body{.size = blob_.size - from, .open = [this, from] {
                                 io::SourcePtr source = body_.open();
                                 skip(*source, from);
                                 return io::counted(std::move(source), [this, at = from](std::uint64_t count) mutable {
                                     at += count;
                                     sent_ = std::max(sent_, at);
                                 });
                             }};
    call.idle_limit = commit_idle_limit(blob_.size);
    is_committing_ = true;
    Answer answer = session_.send(call);
    if (!is_success(answer.response.status)) throw refusal(call, answer);
    check_stored(call, answer, blob_.digest);
}

void Delivery::send_chunks() {
    const std::uint64_t size = std::max(chunk_, std::min(upload_->least_chunk, largest_chunk));
    Pieces pieces(body_.open);
    while (offset_ < blob_.size) {
        const std::uint64_t end = std::min(offset_ + size, blob_.size);
        Call call;
        call.method = "PATCH";
        call.url = upload_->url;
        call.headers.push_back({"Content-Type", "application/octet-stream"});
        call.headers.push_back({"Content-Range", fmt::format("{}-{}", offset_, end - 1)});
        call.body = io::body_of(pieces.take(offset_, end - offset_));
        call.idle_limit = commit_idle_limit(end - offset_);
        sent_ = std::max(sent_, end);
        Answer answer = session_.send(call);
        if (!is_success(answer.response.status)) throw refusal(call, answer);
        upload_->url = next_upload_url(session_, call, answer);
        offset_ = end;  // whatever its Range says: at ECR that stays at the first chunk
        note_progress(offset_);
    }
}

bool is_refused_for_good(const Error& error) {
    const auto* refused = dynamic_cast<const Refused*>(&error);
    if (refused != nullptr) return refused->status() == 401 || refused->status() == 413;
    return dynamic_cast<const io::TransportError*>(&error) == nullptr;
}

}  // namespace

// Taken, and listed perhaps, is not yet kept: jib met a commit in five at ghcr.io after which the blob was not there.
// What was just taken may not be there for everybody yet.
void check_readable(Session& session, const oci::Descriptor& blob) {
    constexpr int attempts = 4;
    for (int attempt = 1;; ++attempt) {
        try {
            const auto ask = [&] { return has_bytes(session, blob.digest, blob.size); };
            if (with_retries([&] { return session.waiting(); }, ask)) return;
        } catch (const Refused& refused) {
            if (refused.fault() != Fault::denied) throw;
            return;  // a login that may push and not pull
        }
        if (attempt == attempts || session.patience() == Patience::brief) break;
        session.clock().wait(retry_delay(attempt, milliseconds(0), 0), session.stop());
    }
    throw NotKept(fmt::format("the registry took the blob {} and does not have its bytes", blob.digest.str()));
}

namespace {

void deliver(Session& session, const oci::Descriptor& blob, const io::Body& body, std::optional<Upload> upload) {
    try {
        Delivery(session, blob, body, std::move(upload)).run();
    } catch (const Error& error) {
        // Never called a failure before the registry was asked: of 51 PUTs that ghcr.io refused, 40 had arrived.
        if (is_refused_for_good(error) || !arrived_all_the_same(session, blob.digest, blob.size)) throw;
    }
    check_readable(session, blob);
}

}  // namespace

void upload_blob(Session& session, const oci::Descriptor& blob, const io::Body& body, std::optional<Upload> upload) {
    try {
        deliver(session, blob, body, std::move(upload));
    } catch (const NotKept&) {
        deliver(session, blob, body, std::nullopt);
    }
}

}  // namespace wasmx::registry
