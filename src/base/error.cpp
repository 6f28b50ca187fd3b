// SPDX-License-Identifier: Apache-2.0
#include "base/error.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

namespace wasmx {

std::string Error::shown(std::string_view text) {
    constexpr std::size_t longest = 4000;
    std::string out;
    std::string_view rest = clipped(text, longest);
    // A list of points stands on indented lines of its own; any other end of a line was somebody else's.
    for (auto end = rest.find("\n  "); end != std::string_view::npos; end = rest.find("\n  ")) {
        out += printable(rest.substr(0, end)) + "\n";
        rest.remove_prefix(end + 1);
    }
    out += printable(rest);
    if (text.size() > longest) out += "…";
    return out;
}

Error system_error(std::string_view doing, int error_number) {
    std::string hint;
    if (error_number == ENOSPC || error_number == EDQUOT)
        hint = "free some space (`df -h`) and run the same command again";
    return {error_number == ENOENT ? Fault::not_found : Fault::io,
            fmt::format("{}: {}", doing, std::generic_category().message(error_number)), hint};
}

void throw_interrupted() { throw Error(Fault::interrupted, "interrupted"); }

}  // namespace wasmx
