// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "recipe/recipe.hpp"

namespace wasmx::recipe {

/// What is wrong with a version, in words for the user, and what would mend it.
struct VersionFlaw {
    std::string what;
    std::string hint;
};
/// nullopt: it can stand in a tag, a file name and on a command line.
std::optional<VersionFlaw> why_no_version(std::string_view version);

/// For a version that stands in a file: throws Fault::config naming the place.
void check_version_at(std::string_view version, const std::string& place);

}  // namespace wasmx::recipe
