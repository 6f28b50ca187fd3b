// SPDX-License-Identifier: Apache-2.0
#pragma once
// recipe: what is to be built: runtime, version, platform, and every name that follows from them. It reads no source
// tree and speaks to nobody; the release workflow is the only YAML in the program and is read here.

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "oci/platform.hpp"
#include "oci/reference.hpp"

namespace wasmx::recipe {

enum class Runtime { v8 };

/// Throws Fault::usage; of the module's other runtimes with the reason why there is no package of them.
Runtime parse_runtime(std::string_view text);

/// Functions that consumers call, and the library, below the top directory, that must define them.
struct CalledFunctions {
    std::string_view library;
    std::span<const std::string_view> functions;
};

/// All that is known of a runtime, in one row.
struct RuntimeFacts {
    Runtime runtime;
    std::string_view name;                            ///< "v8"
    std::string_view makefile_variable;               ///< of the module: "V8"
    std::span<const std::string_view> files;          ///< that every package has, below its top directory
    std::span<const std::string_view> compile_flags;  ///< of a consumer (images/consumer.c)
    std::span<const std::string_view> link_line;      ///< of a consumer, in its order
    std::string_view builtins_library;                ///< that of the files with V8's embedded builtins
    std::span<const CalledFunctions> called;
};
const RuntimeFacts& facts_of(Runtime runtime);
inline std::string_view name_of(Runtime runtime) { return facts_of(runtime).name; }

/// A version, and where it stands: "--runtime-version", "release.yml (built in), jobs.extract-arm.env", "Makefile of
/// …".
struct Version {
    std::string text;
    std::string origin;
    std::string also{};  ///< a second place that says the same
};

/// Throws Fault::usage unless it can stand in a tag and a file name: letters, digits, "." "_" "-", beginning with a
/// letter or digit, at most 64; a "v" or "v8-" before the number is refused too, saying how to give it.
void check_version(std::string_view version);

/// The version that a workflow file names for the runtime; `name` is for messages. Every `env` block (of the workflow,
/// a job, a step) with RUNTIME and VERSION counts; matrix entries with runtime and version must agree with it. nullopt
/// when it names none. Two different ones, or text that is no YAML, are Fault::config naming both places.
std::optional<Version> find_version_in_workflow(std::string_view yaml, Runtime runtime, const std::string& name);
/// `V8 ?= 13.1.201.15` (also = and :=) in the module's Makefile. A value that is no version, such as `$(shell …)`, is
/// Fault::config.
std::optional<Version> find_version_in_makefile(std::string_view makefile, Runtime runtime, const std::string& name);
/// The project's own release workflow, as compiled in.
std::string_view built_in_workflow();

struct VersionSources {
    std::string by_hand;                                          ///< --runtime-version; empty: not given
    std::string environment;                                      ///< $V8_VERSION; counts as by hand
    std::optional<std::pair<std::string, std::string>> workflow;  ///< name and text of --workflow
    std::optional<std::pair<std::string, std::string>>
        makefile;  ///< name and text; nullopt: there is none, or it cannot be read yet
};
/// First wins: by hand, environment, the given or else the built-in workflow, the Makefile. Workflow and Makefile that
/// disagree are Fault::config unless by hand. None at all is Fault::config, saying where was looked.
Version choose_version(Runtime runtime, const VersionSources& sources);

/// Every name of the contract.
struct Recipe {
    Runtime runtime = Runtime::v8;
    std::string version;
    oci::Platform platform;

    std::string tag() const;            ///< v8-13.1.201.15-linux-arm64
    std::string top_directory() const;  ///< v8-13.1.201.15-linux-x86_64
    std::string package_name() const;   ///< ngx_wasm_runtime-v8-13.1.201.15-linux-x86_64.tar.gz
    std::string package_path() const;   ///< /wasmx/dist/<package_name>
    std::string script() const;         ///< util/runtimes/v8.sh
    std::string work_volume() const;    ///< wasmx-image-work-v8-arm64: what has been compiled, for every version
    /// Paths below the top directory that must be there for this runtime and version.
    std::vector<std::string> required_files() const;

    /// Back from an image tag: "v8-13.1.201.15-linux-arm64"; nullopt when it is none of ours.
    static std::optional<Recipe> from_tag(std::string_view tag);
    /// Back from a package's name: "ngx_wasm_runtime-v8-13.1.201.15-linux-x86_64.tar.gz"; nullopt likewise.
    static std::optional<Recipe> from_package_name(std::string_view name);
};

/// How many compile jobs fit: one for each processor, and no more than memory allows at 2 GiB a job beside 2 GiB for
/// the rest.
std::uint64_t fitting_jobs(std::uint64_t processors, std::uint64_t memory);
/// How many jobs ninja runs on so many processors. (ninja, src/ninja.cc: GuessParallelism)
std::uint64_t ninja_jobs(std::uint64_t processors);
/// On how many processors ninja runs no more than so many jobs; at least 1, where it runs 2.
std::uint64_t processors_for(std::uint64_t jobs);

inline constexpr std::string_view default_source = "https://github.com/Kong/ngx_wasm_module.git";
inline constexpr std::string_view default_ref = "main";
inline constexpr std::string_view default_base_image = "wasmx-build-ubuntu";
inline constexpr std::string_view work_volume_prefix = "wasmx-image-work-";
inline constexpr std::string_view default_repository = "ghcr.io/kong/ngx-wasm-runtimes";

}  // namespace wasmx::recipe
