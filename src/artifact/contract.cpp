// SPDX-License-Identifier: Apache-2.0
#include "artifact/artifact.hpp"

namespace wasmx::artifact {

Contract contract_of(const recipe::Recipe& recipe) {
    return {.package_name = recipe.package_name(),
            .top_directory = recipe.top_directory(),
            .platform = recipe.platform,
            .required_files = recipe.required_files(),
            .builtins_library = recipe.runtime == recipe::Runtime::v8 ? "lib/libwee8.a" : ""};
}

}  // namespace wasmx::artifact
