// SPDX-License-Identifier: Apache-2.0
#include "recipe/provenance.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "recipe/base_image.hpp"

namespace wasmx::recipe {

namespace {

constexpr std::size_t shown_digits = 12;

std::string shown(std::string_view what, std::string_view value) {
    return value.empty() ? fmt::format("no {}", what) : fmt::format("{} {}", what, printable(clipped(value, 64)));
}

// Empty where only one side can tell.
bool disagree(std::string_view a, std::string_view b) { return !a.empty() && !b.empty() && a != b; }

bool begins_with(const std::vector<Digest>& layers, const std::vector<Digest>& first) {
    return layers.size() >= first.size() && std::equal(first.begin(), first.end(), layers.begin());
}

}  // namespace

bool is_step_of_ours(std::string_view comment) {
    return comment.starts_with(step_comment) ||
           (comment.starts_with("FROM ") && comment.find("/wasmx-image-source:") != std::string_view::npos);
}

Provenance provenance_of(const std::map<std::string, std::string>& labels, std::vector<Digest> diff_ids) {
    const auto text = [&](std::string_view name) {
        const auto found = labels.find(std::string(name));
        return found == labels.end() ? std::string() : found->second;
    };
    return {.revision = text(revision_label),
            .version = text(version_label),
            .base_name = text(base_name_label),
            .base_tree = text(base_tree_label),
            .diff_ids = std::move(diff_ids)};
}

std::vector<std::string> differences(const Provenance& image, const Provenance& wanted) {
    std::vector<std::string> out;
    const auto instead = [&](std::string_view what, std::string_view value, std::string_view other) {
        out.push_back(fmt::format("{} instead of {}", shown(what, value), shown(what, other)));
    };
    const auto brief = [](const std::string& id) { return std::string_view(id).substr(0, shown_digits); };
    if (image.revision.empty()) {
        out.emplace_back("it does not say its commit");
    } else if (image.revision != wanted.revision) {
        instead("commit", brief(image.revision), brief(wanted.revision));
    }
    if (image.version != wanted.version) instead("version", image.version, wanted.version);
    if (image.base_name != wanted.base_name) {
        instead("base image", image.base_name, wanted.base_name);
    } else if (disagree(image.base_tree, wanted.base_tree)) {
        out.push_back(fmt::format("another state of the base image {}", wanted.base_name));
    } else if (!begins_with(image.diff_ids, wanted.diff_ids)) {
        out.push_back(fmt::format("other layers of the base image {}", wanted.base_name));
    }
    return out;
}

}  // namespace wasmx::recipe
