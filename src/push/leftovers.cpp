// SPDX-License-Identifier: Apache-2.0
#include "push/leftovers.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace wasmx::push {

namespace {

constexpr std::string_view host = "127.0.0.1:";
constexpr std::string_view folder = "/wasmx-image/";
constexpr std::string_view tag = ":push";

}  // namespace

bool is_leftover(std::string_view name) {
    constexpr std::size_t digits = 32;
    if (!name.starts_with(host) || !name.ends_with(tag)) return false;
    name.remove_prefix(host.size());
    name.remove_suffix(tag.size());
    const auto slash = name.find('/');
    if (slash == std::string_view::npos || !parse_number(name.substr(0, slash))) return false;
    name.remove_prefix(slash);
    if (!name.starts_with(folder)) return false;
    name.remove_prefix(folder.size());
    return name.size() == digits && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

void remove_leftovers(engine::Engine& engine) noexcept {
    try {
        for (const std::string& name : engine.image_tags(fmt::format("{}*{}*", host, folder)))
            if (is_leftover(name)) engine.untag(oci::Reference::parse(name));
    } catch (...) {  // a name too many does no harm
    }
}

}  // namespace wasmx::push
