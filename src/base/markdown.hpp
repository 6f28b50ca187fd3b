// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace wasmx {

/// Text as one cell of a Markdown table: no line of its own, no column more, no markup.
std::string markdown_cell(std::string_view text);

}  // namespace wasmx
