// SPDX-License-Identifier: Apache-2.0
#include "extract/path.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <climits>

#include "base/error.hpp"
#include "base/text.hpp"

namespace wasmx::extract {

namespace {
bool is_no_step(std::string_view name) { return name.empty() || name == "."; }
}  // namespace

std::string text_of(std::span<const std::string> path) {
    std::string out;
    for (const std::string& name : path) out += "/" + name;
    return out.empty() ? "/" : printable(out);
}

Path steps_of(std::string_view target) {
    Path out;
    for (const std::string_view name : split(target, '/'))
        if (!is_no_step(name)) out.emplace_back(name);
    return out;
}

Path parse_path(std::string_view text) {
    Path out = steps_of(text);
    if (out.empty()) throw Error(Fault::usage, "the root of an image is no file", "name a file: /wasmx/dist/…");
    if (std::find(out.begin(), out.end(), "..") != out.end())
        throw Error(Fault::usage, fmt::format("a path in an image has no \"..\": {}", printable(text)));
    return out;
}

std::optional<std::vector<std::string_view>> find_member_names(std::string_view stored) {
    std::vector<std::string_view> out;
    for (const std::string_view name : split(stored, '/')) {
        if (is_no_step(name)) continue;
        if (name != "..") {
            out.push_back(name);
        } else if (out.empty()) {
            return std::nullopt;
        } else {
            out.pop_back();
        }
    }
    return out;
}

std::vector<std::string_view> names_of_member(std::string_view stored) {
    const auto refused = [stored](std::string_view what) {
        return Error(Fault::integrity,
                     fmt::format("the layer has a member {}: {}", what, printable(clipped(stored, 256))));
    };
    auto names = find_member_names(stored);
    if (!names) throw refused("outside the image");
    const auto is_too_long = [](std::string_view name) {
        return name.size() > NAME_MAX + (name.starts_with(whiteout_prefix) ? whiteout_prefix.size() : 0);
    };
    if (stored.size() >= PATH_MAX || std::any_of(names->begin(), names->end(), is_too_long))
        throw refused("with a name longer than any file's");
    return *std::move(names);
}

bool is_target(std::string_view text) noexcept { return !text.empty() && text.size() < PATH_MAX; }

}  // namespace wasmx::extract
