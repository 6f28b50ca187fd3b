// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>

#include "artifact/artifact.hpp"

namespace wasmx::artifact {

/// The point `run`: unpacks a tarball, which has passed the other points, to a temporary folder, builds a small program
/// (images/consumer.c) with $CC or `cc` against its headers and the link line of the contract, and runs it. Skipped
/// when the platform is not this machine's.
Point try_out(const io::Body& tarball, const recipe::Recipe& recipe, const std::stop_token& stop);

/// The same point, for when there is no use in trying.
Point not_tried(std::string why);

}  // namespace wasmx::artifact
