# SPDX-License-Identifier: Apache-2.0
# Writes a C++ source with one function that returns the bytes of a program.
#   cmake -DFUNCTION=probe_program -DPROGRAM=<file> -DOUTPUT=<file>.cpp -P embed_program.cmake
cmake_minimum_required(VERSION 3.22)

file(READ "${PROGRAM}" bytes HEX)
string(REGEX REPLACE "(..)" "\\\\x\\1" bytes "${bytes}")
string(REGEX REPLACE "(................................................................)" "\\1\"\n    \"" bytes "${bytes}")
get_filename_component(name "${PROGRAM}" NAME)
file(WRITE "${OUTPUT}" "// Made from ${name} by cmake/embed_program.cmake.
#include \"images/data.hpp\"

namespace wasmx::images {

std::string_view ${FUNCTION}() noexcept {
    static constexpr char bytes[] =
    \"${bytes}\";
    return {bytes, sizeof bytes - 1};
}

}  // namespace wasmx::images
")
