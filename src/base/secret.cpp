// SPDX-License-Identifier: Apache-2.0
#include "base/secret.hpp"

#include <cstring>

namespace wasmx {

void Secret::wipe() noexcept {
    // glibc's explicit_bzero is never optimised away.
    explicit_bzero(value_.data(), value_.size());
    value_.clear();
}

}  // namespace wasmx
