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

    for (const Runtime runtime : {Runtime::v8, Runtime::wasmtime, Runtime::wasmer}) {
        Recipe recipe{.runtime = runtime, .version = std::string(version), .platform = *platform};
        // Spelt in any other way ("darwin", "aarch64") it is a name of somebody else's.
        if ((recipe.*spelt)() == name) return recipe;
    }
    return std::nullopt;
}

}  // namespace

std::string Recipe::tag() const { return fmt::format("{}-{}", stem_of(*this), platform.docker_arch()); }

std::string Recipe::top_directory() const { return fmt::format("{}-{}", stem_of(*this), platform.asset_arch()); }

std::string Recipe::package_name() const {
    return fmt::format("{}{}{}", package_prefix, top_directory(), package_suffix);
}

std::string Recipe::package_path() const { return fmt::format("/wasmx/dist/{}", package_name()); }

std::string Recipe::script() const { return fmt::format("util/runtimes/{}.sh", name_of(runtime)); }

std::vector<std::string> Recipe::required_files() const {
    switch (runtime) {
        case Runtime::wasmtime: return {"include/wasm.h", "include/wasmtime.h", "lib/libwasmtime.a"};
        case Runtime::wasmer: return {"include/wasm.h", "include/wasmer.h", "lib/libwasmer.a"};
        case Runtime::v8: break;
    }
    std::vector<std::string> files{"include/v8bridge.h", "include/wasm.h", "lib/libv8bridge.a", "lib/libwee8.a"};
    // The module dropped cwabt in April 2023, two months before it went from V8 10.5.18 to 11.4.183.23; whoever still
    // wants a V8 of before that links it.
    if (const unsigned major = major_of(version); major > 0 && major < 11)
        files.insert(files.end(), {"include/cwabt.h", "lib/libcwabt.a"});
    return files;
}

std::vector<std::pair<std::string, std::vector<std::string>>> Recipe::called_functions() const {
    // Of Wasmtime and Wasmer the module calls an API of their own that changes with each version.
    if (runtime != Runtime::v8) return {};
    // What the module calls to run a filter of one host function (src/wasm/wrt/ngx_wrt_v8.c), of the C API of 2019: V8
    // defines all of it from 10.5 to 13.x, in one object (src/wasm/c-api.cc). What it calls to look at types, memories
    // and frames is in the same object. wasm_engine_delete is not among them: the module never ends its engine.
    std::vector<std::string> wasm{
        "wasm_engine_new",        "wasm_store_new",       "wasm_module_new",      "wasm_instance_new",
        "wasm_func_call",         "wasm_module_validate", "wasm_module_delete",   "wasm_instance_exports",
        "wasm_instance_delete",   "wasm_store_delete",    "wasm_config_new",      "wasm_config_delete",
        "wasm_func_new_with_env", "wasm_func_as_extern",  "wasm_func_delete",     "wasm_functype_new",
        "wasm_extern_kind",       "wasm_extern_as_func",  "wasm_trap_new",        "wasm_trap_message",
        "wasm_trap_delete",       "wasm_byte_vec_new",    "wasm_byte_vec_delete", "wasm_byte_vec_new_uninitialized",
        "wasm_extern_vec_delete"};
    return {{"lib/libwee8.a", std::move(wasm)},
            {"lib/libv8bridge.a", {"ngx_v8_enable_wasm_trap_handler", "ngx_v8_set_flags"}}};
}

std::vector<std::string> Recipe::link_line() const {
    switch (runtime) {
        case Runtime::wasmtime: return {"-lwasmtime", "-ldl", "-lm", "-lpthread"};
        case Runtime::wasmer: return {"-lwasmer", "-ldl", "-lm", "-lpthread"};
        case Runtime::v8: break;
    }
    return {"-lv8bridge", "-lwee8", "-ldl", "-lm", "-lpthread", "-lstdc++", "-latomic"};
}

std::vector<std::pair<std::string, std::string>> Recipe::script_environment() const {
    // The module's scripts take an empty variable for an unset one and then ask the Makefile, which says
    // "-g -C opt-level=0": it takes a value to be rid of that.
    const std::string release_flags = "-C opt-level=3";
    switch (runtime) {
        case Runtime::wasmtime:
            return {{"NGX_BUILD_WASMTIME_PROFILE", "release"}, {"NGX_BUILD_WASMTIME_RUSTFLAGS", release_flags}};
        case Runtime::wasmer: return {{"NGX_BUILD_WASMER_RUSTFLAGS", release_flags}};
        case Runtime::v8: break;
    }
    return {};
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
