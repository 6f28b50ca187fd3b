// SPDX-License-Identifier: Apache-2.0
// Text of strangers on its way to a terminal, a log, a result, a table and JSON: nothing in it is obeyed there.
#include "base/text.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/markdown.hpp"
#include "io/json.hpp"

using namespace wasmx;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

// What every terminal shows as it is: no control character, no sequence, no command of a runner.
void check_shown(const std::string& text) {
    for (const char c : text) require(static_cast<unsigned char>(c) >= 0x20 && c != '\x7f');
    for (const char* obeyed :
         {"##[", "\xc2\x80", "\xc2\x9b", "\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x80\xa8", "\xef\xbb\xbf"})
        require(text.find(obeyed) == std::string::npos);
    require(nlohmann::json(text).dump().size() >= text.size());  // throws for what is no UTF-8
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);

    const std::string shown = printable(text);
    check_shown(shown);
    require(!trim(shown).starts_with("::"));
    require(printable(shown) == shown);

    const std::string kept = escaped(text);
    check_shown(kept);
    require(kept.size() >= text.size());

    const std::string cell = markdown_cell(text);
    check_shown(cell);
    for (std::size_t at = cell.find('|'); at != std::string::npos; at = cell.find('|', at + 1))
        require(at > 0 && cell[at - 1] == '\\');

    check_shown(printable_url(text));

    const std::string json = io::json_text(nlohmann::json(text));
    for (const char c : json) require(static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7f);
    require(json.find("##[") == std::string::npos);
    (void)io::try_parse_json(text);
    return 0;
}
