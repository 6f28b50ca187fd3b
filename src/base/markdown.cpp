// SPDX-License-Identifier: Apache-2.0
#include "base/markdown.hpp"

#include "base/text.hpp"

namespace wasmx {

std::string markdown_cell(std::string_view text) {
    std::string out;
    for (const char c : printable(text)) {
        if (std::string_view("|\\`*_~<>[]&$#@!").find(c) != std::string_view::npos) out += '\\';
        out += c;
    }
    return out;
}

}  // namespace wasmx
