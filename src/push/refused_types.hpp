// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "oci/manifest.hpp"
#include "registry/error.hpp"

namespace wasmx::push {

/// What can be done where a registry refuses a manifest for the types in it: it says so at the end, and seldom of
/// which. Empty when the refusal is about something else.
std::string hint_of_refused_types(const registry::Refused& refused, const oci::Manifest& manifest);

}  // namespace wasmx::push
