// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <array>

#include "base/error.hpp"
#include "base/text.hpp"
#include "recipe/recipe.hpp"

namespace wasmx::recipe {

namespace {

struct Spelling {
    Runtime runtime;
    std::string_view name;
    std::string_view makefile_variable;
};

constexpr std::array spellings{
    Spelling{Runtime::v8, "v8", "V8"},
    Spelling{Runtime::wasmtime, "wasmtime", "WASMTIME"},
    Spelling{Runtime::wasmer, "wasmer", "WASMER"},
};

const Spelling& spelling_of(Runtime runtime) noexcept { return spellings[static_cast<std::size_t>(runtime)]; }

}  // namespace

Runtime parse_runtime(std::string_view text) {
    std::vector<std::string> names;
    for (const Spelling& spelling : spellings) {
        if (text == spelling.name) return spelling.runtime;
        names.emplace_back(spelling.name);
    }
    const auto near = nearest(lower(printable(text)), names);
    throw Error(Fault::usage, fmt::format("no runtime of ours: \"{}\"", printable(text)),
                fmt::format("{}the runtimes are v8, wasmtime and wasmer",
                            near ? fmt::format("did you mean {}? ", *near) : std::string()));
}

std::string_view name_of(Runtime runtime) { return spelling_of(runtime).name; }
std::string_view makefile_variable(Runtime runtime) { return spelling_of(runtime).makefile_variable; }

}  // namespace wasmx::recipe
