// SPDX-License-Identifier: Apache-2.0
#include "extract/layer_search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"

namespace wasmx::extract {

namespace {

using Type = io::TarEntry::Type;
using Kind = Answer::Kind;

constexpr std::string_view sha256_suffix = ".sha256";
constexpr std::size_t most_neighbours = 8;

}  // namespace

Answer::Kind kind_of(Type type) noexcept {
    switch (type) {
        case Type::file: return Kind::file;
        case Type::directory: return Kind::directory;
        case Type::symlink: return Kind::symlink;
        case Type::hardlink: return Kind::hardlink;
        case Type::whiteout: return Kind::whiteout;
        case Type::other: break;
    }
    return Kind::special;
}

Answer::Kind kind_on_the_way(Type type) noexcept {
    return type == Type::symlink || type == Type::whiteout ? kind_of(type) : Kind::blocked;
}

LayerSearch::LayerSearch(Goal goal, const LayerLimits& limits, std::optional<Promise> promise)
    : goal_(std::move(goal)),
      limits_(limits),
      promise_(promise),
      members_that_count_(goal_.members),
      is_directory_(goal_.path.size()) {}

void LayerSearch::begin_layer() {
    layer_ = {};
    layer_.nodes.resize(goal_.path.size());
    members_that_count_ = std::exchange(before_first_layer_, false) ? goal_.members : Goal::all_members;
}

void LayerSearch::observe(const io::TarEntry& member, io::TarReader& reader) {
    if (++layer_.members > limits_.members)
        throw Error(Fault::integrity, fmt::format("the layer has more than {} members", limits_.members));
    const auto names = names_of_member(member.path);
    // Whiteouts are about the layers below, wherever in the archive they stand.
    if (names.empty() || observe_whiteout(names) || layer_.members > members_that_count_) return;
    place(names, member, reader);
}

// Whether the member is no file of the image but says something about the layers below. Aufs' own files, ".wh..wh.plnk"
// and the like, pass for whiteouts of files that no image has. (layer.md, "Whiteouts")
bool LayerSearch::observe_whiteout(Names names) {
    const Names folder = names.first(names.size() - 1);
    const std::string_view name = names.back();
    const auto is_whiteout = [](std::string_view any) { return any.starts_with(whiteout_prefix); };
    if (!is_whiteout(name)) return std::any_of(folder.begin(), folder.end(), is_whiteout);

    const std::size_t common = common_with_path(folder);
    if (common != folder.size()) return true;  // elsewhere
    if (name == opaque_whiteout) {
        if (common == goal_.path.size())
            layer_.something_below = true;
        else if (!layer_.hidden)
            layer_.hidden = {.kind = Kind::replaced, .depth = common, .target = {}};
    } else if (common < goal_.path.size() && name.substr(whiteout_prefix.size()) == goal_.path[common]) {
        layer_.hidden = {.kind = Kind::deleted, .depth = common + 1, .target = {}};
    }
    return true;
}

std::size_t LayerSearch::common_with_path(Names names) const {
    const auto [end, _] = std::mismatch(names.begin(), names.end(), goal_.path.begin(), goal_.path.end());
    return static_cast<std::size_t>(end - names.begin());
}

void LayerSearch::place(Names names, const io::TarEntry& member, io::TarReader& reader) {
    const std::size_t common = common_with_path(names);
    if (common == names.size())
        place_node(common, member, reader);
    else if (common == goal_.path.size())
        layer_.something_below = true;
    else if (common + 1 == goal_.path.size())
        place_neighbour(names, member, reader);
}

// The path itself, or a directory above it.
void LayerSearch::place_node(std::size_t depth, const io::TarEntry& member, io::TarReader& reader) {
    const bool is_path = depth == goal_.path.size();
    if (member.type != Type::directory) {
        // It takes the place of what the archive had there before, with all that was below.
        layer_.something_below = false;
        std::fill(layer_.nodes.begin() + static_cast<std::ptrdiff_t>(depth), layer_.nodes.end(), std::nullopt);
        if (!is_path) {
            layer_.content.reset();
            layer_.sha256_file.reset();
        }
    }
    layer_.nodes[depth - 1] = Node{.type = member.type, .target = member.target, .member = layer_.members - 1};
    if (is_path && member.type == Type::file && !goal_.wants_directory()) keep_content(member, reader);
}

// In the path's folder, or below another name there.
void LayerSearch::place_neighbour(Names names, const io::TarEntry& member, io::TarReader& reader) {
    const std::string_view name = names[goal_.path.size() - 1];
    if (neighbours_.size() < most_neighbours) neighbours_.insert(printable(name));
    if (names.size() != goal_.path.size() || name != goal_.path.back() + std::string(sha256_suffix)) return;
    layer_.sha256_file.reset();
    if (member.type == Type::file && !goal_.wants_directory()) layer_.sha256_file = small_text(member, reader);
}

// To a temporary file: mostly only the end of the layer tells whether these are the bytes.
void LayerSearch::keep_content(const io::TarEntry& member, io::TarReader& reader) {
    layer_.content.emplace();
    layer_.digest = spool_member(member, reader, limits_.kept_bytes, *layer_.content);
    layer_.mode = member.mode;
    layer_.mtime = member.mtime;
    settled_ = promise_ && promise_->size == member.size && promise_->digest == layer_.digest;
}

std::string LayerSearch::small_text(const io::TarEntry& member, io::TarReader& reader) const {
    return in_context(fmt::format("reading {}", printable(member.path)),
                      [&] { return io::read_all(*reader.member(), limits_.sha256_file_bytes); });
}

std::optional<Answer> LayerSearch::found_in_layer() const {
    const auto answer = [this](Kind kind, std::size_t depth) {
        const auto& node = layer_.nodes[depth - 1];
        return node ? Answer{.kind = kind, .depth = depth, .target = node->target, .member = node->member}
                    : Answer{.kind = kind, .depth = depth, .target = {}};
    };
    const std::size_t whole = goal_.path.size();
    if (const auto& node = layer_.nodes.back(); node) return answer(kind_of(node->type), whole);
    for (std::size_t depth = 1; depth < whole; ++depth) {
        const auto& node = layer_.nodes[depth - 1];
        if (!node || node->type == Type::directory) continue;
        // A layer above has put a directory in its place; that one is not merged with anything below this one.
        if (is_directory_[depth - 1]) return answer(Kind::absent, whole);
        return answer(kind_on_the_way(node->type), depth);
    }
    if (layer_.something_below) return answer(Kind::directory, whole);
    return std::nullopt;
}

std::optional<Answer> LayerSearch::end_layer() {
    if (auto answer = found_in_layer()) return answer;
    if (layer_.hidden) return layer_.hidden;
    for (std::size_t i = 0; i < is_directory_.size(); ++i)
        if (layer_.nodes[i]) is_directory_[i] = true;  // any other type was an answer
    return std::nullopt;
}

}  // namespace wasmx::extract
