// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <future>

#include "io/growing.hpp"
#include "oci/manifest.hpp"

namespace wasmx::push {

/// A blob that is still being made, and may be on its way meanwhile. Written by one thread, read by those that upload.
class GrowingBlob {
public:
    explicit GrowingBlob(io::TempFile file) : file_(std::move(file)), whole_(sealed_.get_future().share()) {}
    /// Before `seal`: it is given up, which is no failure of whoever uploads it.
    ~GrowingBlob();
    GrowingBlob(const GrowingBlob&) = delete;
    GrowingBlob& operator=(const GrowingBlob&) = delete;

    void write(std::span<const std::byte> bytes) { file_.write(bytes); }
    void seal(const oci::Descriptor& blob);
    io::TempFile& file() noexcept { return file_.file(); }
    io::Body whole_body() const { return file_.file().body(); }  ///< of what was written so far

    /// Both outlive this object. Whoever reads or waits gets Fault::interrupted when it is given up.
    io::Body body() const { return file_.body(); }
    std::shared_future<oci::Descriptor> whole() const { return whole_; }

private:
    io::GrowingFile file_;
    std::promise<oci::Descriptor> sealed_;
    std::shared_future<oci::Descriptor> whole_;
    bool is_sealed_ = false;
};

}  // namespace wasmx::push
