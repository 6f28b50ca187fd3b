// SPDX-License-Identifier: Apache-2.0
#include "artifact/artifact.hpp"

namespace wasmx::artifact {

Contract contract_of(const recipe::Recipe& recipe) {
    const recipe::RuntimeFacts& facts = recipe::facts_of(recipe.runtime);
    decltype(Contract::functions) functions;
    for (const auto& [library, called] : facts.called)
        functions.emplace_back(library, std::vector<std::string>(called.begin(), called.end()));
    return {.package_name = recipe.package_name(),
            .top_directory = recipe.top_directory(),
            .platform = recipe.platform,
            .required_files = recipe.required_files(),
            .builtins_library = std::string(facts.builtins_library),
            .functions = std::move(functions)};
}

std::optional<recipe::Recipe> find_recipe_at(std::string_view path) {
    auto recipe = recipe::Recipe::from_package_name(path.substr(path.rfind('/') + 1));
    if (recipe && recipe->package_path() != path) return std::nullopt;
    return recipe;
}

}  // namespace wasmx::artifact
