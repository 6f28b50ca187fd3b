// SPDX-License-Identifier: Apache-2.0
#include "base/secret.hpp"

#include <cstring>

namespace wasmx {

void Secret::wipe() noexcept {
    // All there is room for: a short string that was moved from still has its bytes behind its end. glibc's
    // explicit_bzero is never optimised away.
    value_.resize(value_.capacity());
    explicit_bzero(value_.data(), value_.size());
    value_.clear();
}

}  // namespace wasmx
