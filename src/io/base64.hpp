// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace wasmx::io {

/// (RFC 4648, 4) with padding.
std::string base64_encode(std::string_view bytes);
/// The URL-safe alphabet (RFC 4648, 5), with padding: what engines want in X-Registry-Auth.
std::string base64url_encode(std::string_view bytes);
/// The standard alphabet, strictly: whole groups of four with padding, no blanks or line ends, and no stray bits below
/// the last byte (RFC 4648, 3.5), so that there is one text for one value. Anything else is nullopt.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace wasmx::io
