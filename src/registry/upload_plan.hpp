// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/error.hpp"

namespace wasmx::registry {

/// How a blob is sent. `streamed`: it is still being made; one PATCH without a length, then an empty PUT. `whole`: one
/// PUT with all of it, or with the rest. `chunked`: PATCH requests of a size that the registry takes.
enum class UploadShape { streamed, whole, chunked };

inline constexpr std::uint64_t usual_chunk = 4 << 20;
inline constexpr std::uint64_t small_chunk = 1 << 20;  ///< nginx takes no more unless it is told to

/// The next attempt to upload a blob.
struct UploadPlan {
    UploadShape shape = UploadShape::whole;
    std::uint64_t chunk = usual_chunk;
    int attempt = 1;            ///< counted anew when an upload got further
    bool keeps_session = true;  ///< the session of the last attempt may still be good
    bool may_resume = true;     ///< with what the registry has in it
    bool is_damaged = false;    ///< other bytes arrived; ours are verified before they are sent again
    bool operator==(const UploadPlan&) const = default;
};

/// What follows a failed attempt: another one at once, since it goes another way; another one after the wait that
/// `wait_or_rethrow` knows, which may be none any more; the end.
enum class UploadNext { at_once, after_wait, give_up };

struct UploadDecision {
    UploadPlan plan;
    UploadNext next = UploadNext::after_wait;
};

/// Decides by the error of the last attempt. `size`: bytes of the blob, 0 where not known yet. `resumed_at`: where in
/// the blob the last attempt began.
UploadDecision decide(const UploadPlan& failed, const Error& error, std::uint64_t size, std::uint64_t resumed_at);

}  // namespace wasmx::registry
