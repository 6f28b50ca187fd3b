// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace wasmx::io {

/// The certificates of a text in PEM (RFC 7468) that can be read, and nothing else of it: one damaged file must not
/// take the others with it.
std::string readable_certificates(std::string_view pem);

}  // namespace wasmx::io
