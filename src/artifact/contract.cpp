// SPDX-License-Identifier: Apache-2.0
#include "artifact/artifact.hpp"

namespace wasmx::artifact {

Contract contract_of(const recipe::Recipe& recipe) {
    return {.package_name = recipe.package_name(),
            .top_directory = recipe.top_directory(),
            .platform = recipe.platform,
            .required_files = recipe.required_files(),
            .builtins_library = recipe.runtime == recipe::Runtime::v8 ? "lib/libwee8.a" : "",
            .functions = recipe.called_functions()};
}

std::optional<recipe::Recipe> find_recipe_at(std::string_view path) {
    auto recipe = recipe::Recipe::from_package_name(path.substr(path.rfind('/') + 1));
    if (recipe && recipe->package_path() != path) return std::nullopt;
    return recipe;
}

}  // namespace wasmx::artifact
