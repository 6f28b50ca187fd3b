// SPDX-License-Identifier: Apache-2.0
#include "push/growing_blob.hpp"

#include "base/error.hpp"

namespace wasmx::push {

GrowingBlob::~GrowingBlob() {
    if (is_sealed_) return;
    sealed_.set_exception(std::make_exception_ptr(Error(Fault::interrupted, "what was being made was given up")));
}

void GrowingBlob::seal(const oci::Descriptor& blob) {
    is_sealed_ = true;
    sealed_.set_value(blob);
    file_.finish();
}

}  // namespace wasmx::push
