// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "credentials/credentials.hpp"

namespace wasmx::credentials {

/// Asks the program docker-credential-`name` for the credential of `registry`. `file` is where it was configured, for
/// messages. Nothing stored is nullopt; anything else that goes wrong is Fault::config.
/// (docker/docker-credential-helpers, "Development")
std::optional<Credential> ask_helper(const std::string& name, const std::string& registry, const std::string& file,
                                     const std::stop_token& stop);

}  // namespace wasmx::credentials
