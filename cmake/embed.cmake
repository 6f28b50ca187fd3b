# SPDX-License-Identifier: Apache-2.0
# Writes a C++ source with one function that returns a text file, as it is, to the byte.
#   cmake -DFUNCTION=runtime_script -DTEXT=<file> -DOUTPUT=<file>.cpp -P embed.cmake
cmake_minimum_required(VERSION 3.22)

file(READ "${TEXT}" rest)
string(FIND "${rest}" ")wasmx\"" clash)
if(NOT clash EQUAL -1)
  message(FATAL_ERROR "${TEXT} has )wasmx\" in it, which would end the literal that it becomes")
endif()

# Compilers bound the length of one literal (the smallest bound is 16 KiB), so there is one per few thousand bytes. The
# cut is behind a line, never inside a character of several bytes.
set(literals "")
while(NOT rest STREQUAL "")
  string(LENGTH "${rest}" length)
  if(length GREATER 8192)
    string(SUBSTRING "${rest}" 0 8192 part)
    string(FIND "${part}" "\n" cut REVERSE)
    if(cut EQUAL -1)
      message(FATAL_ERROR "${TEXT} has a line of more than 8 KiB")
    endif()
    math(EXPR cut "${cut} + 1")
  else()
    set(cut ${length})
  endif()
  string(SUBSTRING "${rest}" 0 ${cut} part)
  string(SUBSTRING "${rest}" ${cut} -1 rest)
  string(APPEND literals "\n    R\"wasmx(${part})wasmx\"")
endwhile()

get_filename_component(name "${TEXT}" NAME)
file(WRITE "${OUTPUT}" "// Made from ${name} by cmake/embed.cmake.
#include \"images/data.hpp\"

namespace wasmx::images {

std::string_view ${FUNCTION}() noexcept {
    static constexpr char text[] =${literals}
        \"\";
    return {text, sizeof text - 1};
}

}  // namespace wasmx::images
")
