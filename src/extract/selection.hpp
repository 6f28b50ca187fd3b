// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "extract/path.hpp"

namespace wasmx::extract {

/// What of an image is wanted: what matches `patterns` name by name below `base`, and all that is below that.
struct Selection {
    Path base;                          ///< without wildcards
    std::vector<std::string> patterns;  ///< as the shell has them: * ? [a-z]; none: all that is below the base

    /// "/wasmx/dist/*"; "/wasmx/dist/." is what is in the folder, "/wasmx/dist" and "/wasmx/dist/" are the folder, with
    /// its name. Throws Fault::usage for "..".
    static Selection parse(std::string_view text);
    /// Whether the text can only mean a folder or several files: a wildcard, or "/", "/." at the end.
    static bool is_for_several(std::string_view text);

    /// Whether something at `names`, below the base, is wanted, or below what is.
    bool takes(std::span<const std::string_view> names) const;
    /// It can match one path only.
    bool is_literal() const;
};

}  // namespace wasmx::extract
