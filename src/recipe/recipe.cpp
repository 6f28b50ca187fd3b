// SPDX-License-Identifier: Apache-2.0
#include "recipe/recipe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/error.hpp"
#include "recipe/version_rule.hpp"

namespace wasmx::recipe {

namespace {

constexpr std::uint64_t gib = 1ULL << 30;
constexpr std::string_view package_prefix = "ngx_wasm_runtime-";
constexpr std::string_view package_suffix = ".tar.gz";

// "13.1.201.15" → 13; 0 when it does not begin with a number.
unsigned major_of(std::string_view version) noexcept {
    unsigned major = 0;
    std::from_chars(version.data(), version.data() + version.size(), major);
    return major;
}

// "v8-13.1.201.15-linux": what tag and top directory begin with.
std::string stem_of(const Recipe& recipe) {
    return fmt::format("{}-{}-{}", name_of(recipe.runtime), recipe.version, oci::Platform::os());
}

// The recipe whose `spelt` is `name`, of which `stem` is <runtime>-<version>-<os>-<architecture>.
std::optional<Recipe> find_named(std::string_view name, std::string_view stem, std::string (Recipe::*spelt)() const) {
    const auto runtime_end = stem.find('-');
    const auto arch_begin = stem.rfind('-');
    if (runtime_end == std::string_view::npos || arch_begin == runtime_end) return std::nullopt;
    const auto platform = oci::Platform::from_architecture(stem.substr(arch_begin + 1));
    if (!platform) return std::nullopt;
    std::string_view middle = stem.substr(runtime_end + 1, arch_begin - runtime_end - 1);
    const auto os_begin = middle.rfind('-');
    if (os_begin == std::string_view::npos) return std::nullopt;
    const std::string_view version = middle.substr(0, os_begin);
    if (why_no_version(version)) return std::nullopt;

    Recipe recipe{.runtime = Runtime::v8, .version = std::string(version), .platform = *platform};
    // Spelt in any other way ("darwin", "aarch64", another runtime) it is a name of somebody else's.
    return (recipe.*spelt)() == name ? std::optional(std::move(recipe)) : std::nullopt;
}

}  // namespace

std::string Recipe::tag() const { return fmt::format("{}-{}", stem_of(*this), platform.docker_arch()); }

std::string Recipe::top_directory() const { return fmt::format("{}-{}", stem_of(*this), platform.asset_arch()); }

std::string Recipe::package_name() const {
    return fmt::format("{}{}{}", package_prefix, top_directory(), package_suffix);
}

std::string Recipe::package_path() const { return fmt::format("/wasmx/dist/{}", package_name()); }

std::string Recipe::script() const { return fmt::format("util/runtimes/{}.sh", name_of(runtime)); }

std::string Recipe::work_volume() const {
    return fmt::format("{}{}-{}", work_volume_prefix, name_of(runtime), platform.docker_arch());
}

std::vector<std::string> Recipe::required_files() const {
    const auto known = facts_of(runtime).files;
    std::vector<std::string> files(known.begin(), known.end());
    // The module dropped cwabt in April 2023, two months before it went from V8 10.5.18 to 11.4.183.23; whoever still
    // wants a V8 of before that links it.
    if (const unsigned major = major_of(version); major > 0 && major < 11)
        files.insert(files.end(), {"include/cwabt.h", "lib/libcwabt.a"});
    return files;
}

std::uint64_t fitting_jobs(std::uint64_t processors, std::uint64_t memory) {
    const std::uint64_t by_memory = memory > 2 * gib ? (memory - 2 * gib) / (2 * gib) : 0;
    return std::max<std::uint64_t>(1, std::min(processors, by_memory));
}

std::uint64_t ninja_jobs(std::uint64_t processors) {
    return processors <= 1 ? 2 : processors == 2 ? 3 : processors + 2;
}

std::uint64_t processors_for(std::uint64_t jobs) {
    std::uint64_t out = 1;
    while (ninja_jobs(out + 1) <= jobs) ++out;
    return out;
}

std::optional<Recipe> Recipe::from_tag(std::string_view tag) { return find_named(tag, tag, &Recipe::tag); }

std::optional<Recipe> Recipe::from_package_name(std::string_view name) {
    std::string_view stem = name;
    if (!stem.starts_with(package_prefix) || !stem.ends_with(package_suffix)) return std::nullopt;
    stem.remove_prefix(package_prefix.size());
    stem.remove_suffix(std::min(stem.size(), package_suffix.size()));
    return find_named(name, stem, &Recipe::package_name);
}

}  // namespace wasmx::recipe
