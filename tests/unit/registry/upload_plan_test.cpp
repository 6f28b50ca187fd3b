// SPDX-License-Identifier: Apache-2.0
#include "registry/upload_plan.hpp"

#include <doctest/doctest.h>

#include <functional>

#include "io/http.hpp"
#include "registry/error.hpp"

namespace wasmx::registry {

TEST_SUITE_BEGIN("registry");

namespace {

using Kind = io::TransportError::Kind;
using enum UploadShape;
using enum UploadNext;

Refused refused(int status, std::string code = {}, const std::string& message = "no",
                Fault fault = Fault::unavailable) {
    return {fault, message, "hint", status, {{std::move(code), ""}}, std::nullopt, false};
}

constexpr std::uint64_t large = 100 << 20;

UploadPlan plan(UploadShape shape = whole) { return {.shape = shape}; }

UploadPlan with(UploadPlan plan, const std::function<void(UploadPlan&)>& change) {
    change(plan);
    return plan;
}

}  // namespace

TEST_CASE("what follows a failed attempt to upload a blob") {
    const UploadPlan anew = with(plan(), [](auto& p) { p.keeps_session = false; });
    const UploadPlan chunks = with(anew, [](auto& p) { p.shape = chunked; });
    const UploadPlan small = with(chunks, [](auto& p) { p.chunk = small_chunk; });
    const UploadPlan damaged = with(plan(), [](auto& p) { p.is_damaged = true, p.may_resume = false; });
    const Refused too_large = refused(413);
    const Refused no_room = refused(413, "SIZE_INVALID");
    const Refused over_limit = refused(416, "", "Maximum permissible limit of a request");
    const Refused other_bytes = refused(400, "DIGEST_INVALID");
    const Refused no_session = refused(404, "BLOB_UPLOAD_UNKNOWN");
    const Refused forbidden = refused(403, "DENIED", "no", Fault::denied);
    const io::TransportError broken(Kind::broken, "gone");
    const io::TransportError no_trust(Kind::tls, "certificate");
    const Error unreadable(Fault::integrity, "the file has changed");
    const Error stopped(Fault::interrupted, "stopped");
    const struct {
        const char* what;
        UploadPlan failed;
        const Error& error;
        std::uint64_t size;
        std::uint64_t resumed_at;
        UploadPlan expected;
        UploadNext next;
    } rows[] = {
        {"a network that breaks", plan(), broken, large, 0, plan(), after_wait},
        {"a registry that is busy", plan(), refused(503), large, 0, plan(), after_wait},
        {"no right to push", plan(), forbidden, large, 0, plan(), after_wait},  // of which the wait is none
        {"a session that is gone", plan(), no_session, large, 0, anew, after_wait},
        {"Ctrl-C", plan(), stopped, large, 0, plan(), give_up},
        {"too large for one request", plan(), too_large, large, 0, chunks, at_once},
        {"the same, in ghcr.io's words", plan(), over_limit, large, 0, chunks, at_once},
        {"the rest was too large", plan(), too_large, large, 5 << 20, with(anew, [](auto& p) { p.may_resume = false; }),
         at_once},
        {"chunks are too large", plan(chunked), too_large, large, 0, small, at_once},
        {"small ones, too", small, too_large, large, 0, small, after_wait},
        {"a blob that is small itself", plan(), too_large, small_chunk, 0, plan(), after_wait},
        {"no room for the blob", plan(), no_room, large, 0, plan(), after_wait},
        {"other bytes arrived", with(plan(), [](auto& p) { p.attempt = 3; }), other_bytes, large, 0, damaged,
         after_wait},
        {"and again", damaged, other_bytes, large, 0, with(damaged, [](auto& p) { p.attempt = 2; }), after_wait},
        {"a stream that breaks", plan(streamed), broken, 0, 0, plan(), after_wait},
        {"a stream that is too large", plan(streamed), too_large, 0, 0, plan(), at_once},
        {"a stream of which other bytes arrived", plan(streamed), other_bytes, 0, 0,
         with(anew, [](auto& p) { p.is_damaged = true; }), after_wait},
        {"a stream without the right", plan(streamed), forbidden, 0, 0, plan(streamed), give_up},
        {"a stream into a certificate", plan(streamed), no_trust, 0, 0, plan(), at_once},
        {"a stream that its maker ends", plan(streamed), unreadable, 0, 0, plan(), at_once},
        {"a stream and Ctrl-C", plan(streamed), stopped, 0, 0, plan(streamed), give_up},
    };
    for (const auto& row : rows) {
        CAPTURE(row.what);
        const auto [next_plan, next] = decide(row.failed, row.error, row.size, row.resumed_at);
        CHECK(next_plan == row.expected);
        CHECK(next == row.next);
    }
}

TEST_SUITE_END();

}  // namespace wasmx::registry
