// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "registry/retry.hpp"
#include "registry/upload.hpp"
#include "registry/upload_plan.hpp"

namespace wasmx::registry {

namespace {

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

bool is_refused_for_good(const Error& error) {
    const auto* refused = dynamic_cast<const Refused*>(&error);
    if (refused != nullptr) return refused->status() == 401 || refused->status() == 413;
    return dynamic_cast<const io::TransportError*>(&error) == nullptr;
}

/// One blob on its way, and what is known of it between the attempts. `decide` says how it goes on after a failure.
class Delivery {
public:
    /// `whole` waits until the blob is known.
    Delivery(Session& session, const io::Body& body, std::function<oci::Descriptor()> whole, UploadShape shape,
             std::optional<Upload> upload)
        : session_(session), body_(body), whole_(std::move(whole)), upload_(std::move(upload)), plan_{.shape = shape} {}

    /// Returns when the registry has the blob and can give it.
    void run();

private:
    void send();
    void attempt();
    const oci::Descriptor& blob();
    bool has_arrived();
    bool can_resume();
    void note_progress(std::uint64_t received);
    Refused refusal(const Call& call, Answer& answer);
    void send_stream();
    void send_rest();
    void send_chunks();

    Session& session_;
    const io::Body& body_;
    const std::function<oci::Descriptor()> whole_;
    std::optional<oci::Descriptor> blob_;
    std::optional<Upload> upload_;
    UploadPlan plan_;
    bool tried_ = false;
    bool is_committing_ = false;
    bool is_unanswered_ = false;    ///< the last commit
    std::uint64_t offset_ = 0;      ///< what the registry has, as far as we know
    std::uint64_t sent_ = 0;        ///< in this session
    std::uint64_t resumed_at_ = 0;  ///< in this session
    std::uint64_t farthest_ = 0;
    int unanswered_ = 0;
};

void Delivery::run() {
    constexpr int times = 2;
    for (int time = 1;; ++time) {
        try {
            send();
            return check_readable(session_, blob());
        } catch (const NotKept&) {
            if (time == times) throw;
            upload_.reset();
            plan_ = {};
            tried_ = false;
        } catch (const Error& error) {
            if (error.fault() == Fault::interrupted && upload_) cancel_upload(session_, upload_->url);
            throw;
        }
    }
}

void Delivery::send() {
    for (;;) {
        try {
            return attempt();
        } catch (const Error& error) {
            if (std::exchange(is_committing_, false)) is_unanswered_ = leaves_open(error);
            const auto [plan, next] = decide(plan_, error, blob_ ? blob_->size : 0, offset_);
            const bool was_streamed = plan_.shape == UploadShape::streamed;
            plan_ = plan;
            if (!plan_.keeps_session) upload_.reset();
            if (was_streamed) tried_ = plan_.keeps_session && sent_ > 0;
            if (next == UploadNext::at_once) continue;
            if (next == UploadNext::give_up) throw;
            try {
                wait_or_rethrow(plan_.attempt, session_.waiting());
                if (!was_streamed) ++plan_.attempt;
            } catch (const Error& last) {
                // Never called a failure before the registry was asked: of 51 PUTs that ghcr.io refused, 40 had
                // arrived.
                if (was_streamed || is_refused_for_good(last) ||
                    !arrived_all_the_same(session_, blob().digest, blob().size))
                    throw;
                return;
            }
        }
    }
}

const oci::Descriptor& Delivery::blob() {
    if (!blob_) blob_ = whole_();
    return *blob_;
}

void Delivery::attempt() {
    if (tried_ && plan_.shape != UploadShape::streamed && !can_resume()) {
        upload_.reset();
        // The reply to the last byte may have been lost, and what is stored is not taken again.
        if (has_arrived()) return;
    }
    if (plan_.is_damaged) io::drain(*io::verified(body_.open(), blob().digest, blob().size));
    if (!upload_) {
        upload_ = open_upload(session_);
        offset_ = sent_ = resumed_at_ = 0;
    }
    if (plan_.shape == UploadShape::streamed) {
        send_stream();
        offset_ = blob().size;
    }
    tried_ = true;
    if (plan_.shape == UploadShape::chunked) send_chunks();
    send_rest();
}

// When every byte was sent, and nobody said no, the registry may still be storing them: to wait for that takes less
// than to send them again.
bool Delivery::has_arrived() {
    constexpr std::uint64_t stored_in_a_second = 60'000'000;
    constexpr milliseconds step = std::chrono::seconds(1);
    auto left = is_unanswered_ && sent_ == blob().size ? milliseconds(1000 * blob().size / stored_in_a_second)
                                                       : milliseconds(0);
    for (;; left -= step) {
        if (ask_for_blob(session_, blob().digest, blob().size)) return true;
        if (left < step) return false;
        session_.clock().wait(step, session_.stop());
    }
}

// Asks the registry how far it got; what it says is not always true (distribution says 1 for 0, others too little or
// always the same), so it is believed only where it can be, and the digest decides in the end.
bool Delivery::can_resume() {
    if (!upload_ || !plan_.may_resume || sent_ == 0) return false;
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
    plan_.attempt = 1;
}

// Also what is refused may bring the session's next URL.
Refused Delivery::refusal(const Call& call, Answer& answer) {
    if (answer.response.status == 416 && answer.response.find_header("Location"))
        upload_->url = next_upload_url(session_, call, answer);
    return upload_refusal(session_, call, answer);
}

// While the blob is made.
void Delivery::send_stream() {
    Call call;
    call.method = "PATCH";
    call.url = upload_->url;
    call.headers.push_back({"Content-Type", "application/octet-stream"});
    call.body =
        io::Body{.size = std::nullopt, .open = [&] {
                     return io::counted(body_.open(), [this, at = std::uint64_t{0}](std::uint64_t count) mutable {
                         at += count;
                         sent_ = std::max(sent_, at);
                     });
                 }};
    call.idle_limit = commit_idle_limit(4ULL << 30);  // how much it will be is not known; a proxy may take it all first
    Answer answer = session_.send(call);
    if (!is_success(answer.response.status)) throw upload_refusal(session_, call, answer);
    upload_->url = next_upload_url(session_, call, answer);
}

// The PUT that commits, with all that is still missing.
void Delivery::send_rest() {
    Call call;
    call.method = "PUT";
    call.url = commit_url(upload_->url, blob().digest);
    call.headers.push_back({"Content-Type", "application/octet-stream"});
    const std::uint64_t from = offset_;
    // (distribution-spec, "Pushing a blob in chunks": both ends, no unit, no total)
    if (from > 0 && from < blob().size)
        call.headers.push_back({"Content-Range", fmt::format("{}-{}", from, blob().size - 1)});
    if (from < blob().size)
        call.body = io::Body{.size = blob().size - from, .open = [this, from] {
                                 io::SourcePtr source = body_.open();
                                 skip(*source, from);
                                 return io::counted(std::move(source), [this, at = from](std::uint64_t count) mutable {
                                     at += count;
                                     sent_ = std::max(sent_, at);
                                 });
                             }};
    call.idle_limit = commit_idle_limit(blob().size);
    is_committing_ = true;
    Answer answer = session_.send(call);
    if (!is_success(answer.response.status)) throw refusal(call, answer);
    check_stored(call, answer, blob().digest);
}

void Delivery::send_chunks() {
    const std::uint64_t size = std::max(plan_.chunk, std::min(upload_->least_chunk, largest_chunk));
    Pieces pieces(body_.open);
    while (offset_ < blob().size) {
        const std::uint64_t end = std::min(offset_ + size, blob().size);
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

void upload_blob(Session& session, const oci::Descriptor& blob, const io::Body& body, std::optional<Upload> upload) {
    Delivery(
        session, body, [&] { return blob; }, UploadShape::whole, std::move(upload))
        .run();
}

void upload_streamed(Session& session, const io::Body& bytes, std::function<oci::Descriptor()> whole,
                     std::optional<Upload> upload) {
    if (!upload) upload = with_retries([&] { return session.waiting(); }, [&] { return open_upload(session); });
    Delivery(session, bytes, std::move(whole), UploadShape::streamed, std::move(upload)).run();
}

}  // namespace wasmx::registry
