// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "commands/command.hpp"
#include "doctor/doctor.hpp"

namespace wasmx::commands {

/// What `build` and `doctor` are asked in the same words.
inline constexpr std::array wanted_options{
    Option{"--source", "DIR|GIT-URL",
           "the ngx_wasm_module tree (default: https://github.com/Kong/ngx_wasm_module.git)"},
    Option{"--ref", "REF", "branch, tag or commit of it (default: main of a URL, HEAD of a folder)"},
    Option{"--allow-dirty", "", "take a work tree with uncommitted changes as it stands"},
    Option{"--runtime", "NAME", "the runtime to package: v8, the default and the only one (not wasmtime, not wasmer)"},
    Option{"--runtime-version", "VERSION",
           "its version (default: $V8_VERSION for v8, the release workflow, the module's Makefile)"},
    Option{"--workflow", "FILE", "read the version from this workflow instead of the built-in release workflow"},
    Option{"--platform", "PLATFORM", "linux/amd64 or linux/arm64 (default: the engine's)"},
    Option{"--allow-emulation", "",
           "another platform than the engine's is fine, under emulation: V8 takes more than 6 hours so"},
    Option{"--base-image", "REFERENCE",
           "build on this image, pulled if need be (default: wasmx-build-ubuntu, built from the module if need be)"},
    Option{"--repository", "NAME", "where the image belongs (default: ghcr.io/kong/ngx-wasm-runtimes)"},
    Option{"-t,--tag", "REFERENCE", "the image's whole name, instead of --repository and the tag of the contract"},
    Option{"--overwrite", "", "a tag that is published, and made from something else, may be replaced"},
    Option{"--host", "ADDRESS", "the engine, as unix:///path (default: as the docker program finds it)"},
    Option{"--min-memory", "SIZE", "the memory that is enough, as 8GB or 8GiB (default: what V8 wants)"},
    Option{"--min-disk", "SIZE", "the free disk space that is enough (default: what V8 wants)"},
    Option{"--ignore", "ID[,ID]", "go on although these checks fail (`wasmx-image doctor --list`)", "", Repeats::yes},
};

/// Reads them. What is wrong with the words themselves is Fault::usage, before a file is read.
doctor::Request request_from(const Arguments& arguments);
doctor::Selection selection_from(const Arguments& arguments);

/// The value of an option that is a size; nullopt when it was not given.
std::optional<std::uint64_t> size_in(const Arguments& arguments, std::string_view option);

}  // namespace wasmx::commands
