// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "artifact/machine_code.hpp"
#include "io/stream.hpp"

namespace wasmx::artifact {

/// The symbol under which V8 keeps the machine code of its builtins, embedded by mksnapshot.
/// (v8/src/snapshot/embedded/embedded-file-writer.h)
inline constexpr std::string_view builtins_symbol = "v8_Default_embedded_blob_code_";

/// What is in a static library.
struct Library {
    std::uint64_t members = 0;
    std::vector<std::string> faults;  ///< a line for each kind of thing wrong, with the first members it is wrong with

    struct Builtins {
        std::string member;
        CodeMarkers markers;
    };
    std::vector<Builtins> builtins;       ///< wherever they are defined
    std::set<std::string> functions;      ///< of those that are looked for: what other objects can be linked with
    std::vector<std::string> unsearched;  ///< members too large to look for anything in, or damaged: which, and why
};

/// What is looked for among the symbols of the members, which takes them into memory one by one; unless it is nothing.
struct Search {
    bool builtins = false;
    std::vector<std::string> functions{};
};

/// Reads a static library to its end, or to where it is damaged, which is one more fault. Every member must be a
/// relocatable ELF object for the platform. Throws what the source throws.
Library examine_library(io::Source& content, const oci::Platform& platform, const Search& search);

}  // namespace wasmx::artifact
