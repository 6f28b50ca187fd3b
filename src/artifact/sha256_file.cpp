// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "artifact/artifact.hpp"
#include "base/error.hpp"
#include "base/text.hpp"

namespace wasmx::artifact {

// One line, "<64 hex digits>  <name>": the second blank is "*" where sha256sum read in binary mode, which on Linux is
// the same. (coreutils manual, "md5sum invocation")
void check_sha256_file(std::string_view text, const std::string& package_name, const Digest& digest) {
    constexpr std::size_t hex_size = 2 * Digest::size;
    const std::string file = package_name + ".sha256";
    std::string_view line = text;
    if (line.ends_with('\n')) line.remove_suffix(1);

    const auto stated = Digest::from_hex(line.substr(0, hex_size));
    const std::string_view rest = line.substr(std::min(hex_size, line.size()));
    const bool has_form = stated && (rest.starts_with("  ") || rest.starts_with(" *")) && rest.size() > 2 &&
                          rest.find('\n') == std::string_view::npos;
    if (!has_form)
        throw Error(Fault::integrity, fmt::format("{} is not what sha256sum writes: \"{}\"", file,
                                                  printable(text.substr(0, hex_size + 100))));
    if (const std::string_view name = rest.substr(2); name != package_name)
        throw Error(Fault::integrity, fmt::format("{} is about another file: {}", file, printable(name)));
    if (*stated != digest)
        throw Error(Fault::integrity,
                    fmt::format("{} says sha256:{}, the file has {}", file, stated->hex(), digest.str()));
}

Point checksum_point(const std::optional<std::string>& sha256_file, const std::string& package_name,
                     const Digest& digest) {
    Point point{.id = "checksum", .title = "the .sha256 file beside it says its digest"};
    if (!sha256_file) {
        point.verdict = Verdict::skip;
        point.observed = fmt::format("there is no {}.sha256 beside it", package_name);
        return point;
    }
    try {
        check_sha256_file(*sha256_file, package_name, digest);
        point.observed = digest.str();
    } catch (const Error& error) {
        if (error.fault() != Fault::integrity) throw;
        point.verdict = Verdict::fail;
        point.observed = error.message();
        point.details = {error.message()};
    }
    return point;
}

}  // namespace wasmx::artifact
