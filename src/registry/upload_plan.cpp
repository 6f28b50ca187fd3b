// SPDX-License-Identifier: Apache-2.0
#include "registry/upload_plan.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "registry/error.hpp"
#include "registry/retry.hpp"

// One PUT with everything is what all registries take and what is fastest, so it comes first for what is whole. A
// session that broke off is resumed where the registry can (distribution v3, zot) and begun anew where it cannot
// (distribution 2.8 forgets it). Chunks come only after a refusal that says that the whole is too large for one
// request: they make many requests, ghcr.io limits those and takes no chunk over 4 MiB, and others take none at all.
// A stream without a length is what Docker's own engine sends, hence every registry takes it; it is never repeated,
// since by then the blob is whole.

namespace wasmx::registry {

namespace {

/// The request is too large, and not the blob: a registry that has no room for the blob says so in OCI's form.
bool is_too_large_at_once(const Refused& refused) {
    if (refused.status() == 413) return !refused.has_any_code();
    return refused.status() == 416 && lower(refused.message()).find("maximum permissible limit") != std::string::npos;
}

UploadDecision after_stream(UploadPlan plan, const Error& error, bool is_damaged) {
    const bool is_mendable = retry_advice(error).has_value();
    // A right that is not there does not come while the rest is made.
    if (error.fault() == Fault::denied && !is_mendable) return {plan, UploadNext::give_up};
    plan.shape = UploadShape::whole;
    plan.is_damaged = is_damaged;
    plan.keeps_session = !is_damaged;  // what it has is not what was sent
    return {plan, is_mendable ? UploadNext::after_wait : UploadNext::at_once};
}

UploadDecision after_damage(UploadPlan plan) {
    // Damaged on the way, or pieced together wrongly: once more, all of it, and no second time.
    plan.attempt = plan.is_damaged ? std::max(plan.attempt, 2) : 1;
    plan.is_damaged = true;
    plan.may_resume = false;
    return {plan, UploadNext::after_wait};
}

UploadDecision after_too_large(UploadPlan plan, std::uint64_t resumed_at) {
    plan.keeps_session = false;
    if (plan.shape == UploadShape::whole && resumed_at > 0) {
        plan.may_resume = false;  // it was a rest that was too large; the whole may be none
        return {plan, UploadNext::at_once};
    }
    if (plan.shape == UploadShape::whole) {
        plan.shape = UploadShape::chunked;
        return {plan, UploadNext::at_once};
    }
    const bool is_smaller = plan.chunk > small_chunk;
    plan.chunk = std::min(plan.chunk, small_chunk);
    return {plan, is_smaller ? UploadNext::at_once : UploadNext::after_wait};
}

}  // namespace

UploadDecision decide(const UploadPlan& failed, const Error& error, std::uint64_t size, std::uint64_t resumed_at) {
    UploadPlan plan = failed;
    plan.keeps_session = true;
    if (error.fault() == Fault::interrupted) return {plan, UploadNext::give_up};
    const auto* refused = dynamic_cast<const Refused*>(&error);
    const bool is_damaged = refused != nullptr && refused->has_code("DIGEST_INVALID");
    if (plan.shape == UploadShape::streamed) return after_stream(plan, error, is_damaged);
    if (is_damaged) return after_damage(plan);
    if (refused == nullptr) return {plan, UploadNext::after_wait};
    if (is_too_large_at_once(*refused) && size > small_chunk) return after_too_large(plan, resumed_at);
    plan.keeps_session = refused->status() != 404;
    return {plan, UploadNext::after_wait};
}

}  // namespace wasmx::registry
