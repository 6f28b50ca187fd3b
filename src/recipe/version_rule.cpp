// SPDX-License-Identifier: Apache-2.0
#include "recipe/version_rule.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/text.hpp"

namespace wasmx::recipe {

namespace {

constexpr std::size_t longest_version = 64;  // a tag has 128, and the rest of ours needs less than half of that
constexpr std::string_view digits = "0123456789";
constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

// "v13.1" → "13.1", "v8-13.1" → "13.1": what is left of it without the habit of git tags and of release names; empty
// when it has neither.
std::string_view without_prefix(std::string_view version) {
    if (version.starts_with("v8-")) return version.substr(3);
    if (version.size() > 1 && version[0] == 'v' && digits.find(version[1]) != std::string_view::npos)
        return version.substr(1);
    return {};
}

}  // namespace

std::optional<VersionFlaw> why_no_version(std::string_view version) {
    if (version.empty()) return VersionFlaw{"the version is empty", "a version looks like 13.1.201.15"};
    if (const auto bare = without_prefix(version); !bare.empty())
        return VersionFlaw{
            fmt::format("\"{}\" begins with a prefix that is no part of the version", printable(version)),
            fmt::format("give it without: {}", printable(bare))};
    if (version.size() > longest_version)
        return VersionFlaw{fmt::format("the version has {} characters, more than {}", version.size(), longest_version),
                           "a version looks like 13.1.201.15"};
    // The grammar of a tag (OCI distribution-spec, "Pulling manifests"), but that it must not begin like an option or a
    // hidden file: it becomes an argument and a part of file names too.
    if (version.find_first_not_of(allowed) != std::string_view::npos || version.find_first_of("._-") == 0)
        return VersionFlaw{fmt::format("\"{}\" is no version", printable(version)),
                           "letters, digits, \".\", \"_\" and \"-\", beginning with a letter or digit: 13.1.201.15"};
    return std::nullopt;
}

void check_version(std::string_view version) {
    if (auto flaw = why_no_version(version)) throw Error(Fault::usage, flaw->what, flaw->hint);
}

void check_version_at(std::string_view version, const std::string& place) {
    if (auto flaw = why_no_version(version))
        throw Error(Fault::config, fmt::format("{}: {}", place, flaw->what), flaw->hint);
}

}  // namespace wasmx::recipe
