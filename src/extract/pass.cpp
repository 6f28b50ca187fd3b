// SPDX-License-Identifier: Apache-2.0
#include "extract/pass.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "base/text.hpp"

namespace wasmx::extract {

namespace {

using Kind = Answer::Kind;

constexpr std::size_t most_hops = 40;  // as many as Linux follows (path_resolution(7))

std::string reason(const Goal& goal, const Answer& answer, std::size_t number) {
    const std::string path = text_of(goal.path);
    const std::string above = text_of(std::span(goal.path).first(answer.depth));
    switch (answer.kind) {
        case Kind::deleted:
        case Kind::whiteout:
            return path == above ? fmt::format("{} was deleted by layer {}", path, number)
                                 : fmt::format("{} was deleted with {} by layer {}", path, above, number);
        case Kind::replaced:
            return fmt::format("{} is not in the image: layer {} replaced the directory {}", path, number, above);
        case Kind::blocked:
            return fmt::format("{} is not in the image: {} is no directory (layer {})", path, above, number);
        case Kind::special: return fmt::format("{} is a device or the like, no regular file", path);
        case Kind::file: return fmt::format("{} is no directory", path);  // one was needed
        case Kind::hardlink:
            if (goal.wants_directory()) return fmt::format("{} is no directory", path);
            [[fallthrough]];
        default: return fmt::format("{} is not in the image", path);
    }
}

// Where to look next; nullopt when there is nothing to follow.
std::optional<Goal> next_goal(const Goal& goal, const Answer& answer, std::size_t layer, std::size_t layers) {
    switch (answer.kind) {
        case Kind::symlink:
            if (!is_target(answer.target)) return std::nullopt;
            return after_symlink(goal, answer.depth, answer.target, layers - 1);
        case Kind::hardlink:
            if (goal.wants_directory() || !is_target(answer.target)) return std::nullopt;
            return after_hardlink(goal, answer.target, layer, answer.member);
        case Kind::directory:
            if (!goal.wants_directory()) throw IsDirectory(goal.path);
            return after_directory(goal);
        default: return std::nullopt;
    }
}

}  // namespace

Pass pass_over(Layers& layers, const Goal& goal, const LayerLimits& limits, const std::optional<Promise>& promise) {
    Pass pass{.answer = {.kind = Kind::absent, .depth = goal.path.size(), .target = {}},
              .search = LayerSearch(goal, limits, promise)};
    for (std::size_t layer = goal.newest_layer + 1; layer-- > layers.lowest;) {
        read_layer(layers, layer, pass.search);
        auto answer = pass.search.end_layer();
        if (!answer) continue;
        pass.answer = *std::move(answer);
        pass.layer = layer;
        break;
    }
    return pass;
}

Goal Trail::follow(const Goal& goal, const Answer& answer, std::size_t layer, const std::set<std::string>& neighbours) {
    auto next = next_goal(goal, answer, layer, layers_);
    if (!next) {
        std::string hint;
        if (answer.kind == Kind::absent && !neighbours.empty())
            hint = fmt::format("seen in {}: {}", text_of(std::span(goal.path).first(goal.path.size() - 1)),
                               fmt::join(neighbours, ", "));
        throw Error(Fault::not_found, reason(goal, answer, layer + 1), hint);
    }
    if (answer.kind != Kind::directory)
        frames_.push_back(
            fmt::format("following {}, a {} link to {}", text_of(std::span(goal.path).first(answer.depth)),
                        answer.kind == Kind::symlink ? "symbolic" : "hard", printable(clipped(answer.target, 256))));
    if (++hops_ > most_hops) throw Error(Fault::not_found, fmt::format("more than {} links", most_hops));
    return *std::move(next);
}

void Trail::add_to(Error& error) const {
    for (auto frame = frames_.rbegin(); frame != frames_.rend(); ++frame) error.add_frame(*frame);
}

}  // namespace wasmx::extract
