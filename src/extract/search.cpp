// SPDX-License-Identifier: Apache-2.0
#include "extract/search.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/text.hpp"
#include "extract/goal.hpp"
#include "extract/layer_search.hpp"

namespace wasmx::extract {

namespace {

using Kind = Answer::Kind;

constexpr std::size_t most_hops = 40;  // as many as Linux follows (path_resolution(7))

void read_layer(io::Source& layer, LayerSearch& search) {
    search.begin_layer();
    try {
        io::TarReader reader(layer);
        while (const auto member = reader.next()) search.observe(*member, reader);
    } catch (const Error& error) {
        // If the bytes are not the layer's at all, its stream says so at its end, and that is the better reason.
        if (error.fault() == Fault::integrity) io::drain(layer);
        throw;
    }
    io::drain(layer);  // the digest is of the blob: whatever stands after the archive counts too
}

struct Pass {
    Answer answer;
    std::size_t layer = 0;
    LayerSearch search;
};

Pass pass_over(const Layers& layers, const Goal& goal) {
    Pass pass{.answer = {.kind = Kind::absent, .depth = goal.path.size(), .target = {}}, .search = LayerSearch(goal)};
    for (std::size_t layer = goal.newest_layer + 1; layer-- > 0;) {
        auto answer = in_context(fmt::format("reading layer {} of {}", layer + 1, layers.count), [&] {
            read_layer(*layers.open(layer), pass.search);
            return pass.search.end_layer();
        });
        if (!answer) continue;
        pass.answer = *std::move(answer);
        pass.layer = layer;
        break;
    }
    return pass;
}

Error not_there(const Goal& goal, const Pass& pass) {
    const std::string path = text_of(goal.path);
    const std::string above = text_of(std::span(goal.path).first(pass.answer.depth));
    const std::size_t layer = pass.layer + 1;
    const auto reason = [&] {
        switch (pass.answer.kind) {
            case Kind::deleted:
                return path == above ? fmt::format("{} was deleted by layer {}", path, layer)
                                     : fmt::format("{} was deleted with {} by layer {}", path, above, layer);
            case Kind::replaced:
                return fmt::format("{} is not in the image: layer {} replaced the directory {}", path, layer, above);
            case Kind::blocked:
                return fmt::format("{} is not in the image: {} is no directory (layer {})", path, above, layer);
            case Kind::directory: return fmt::format("{} is a directory", path);
            case Kind::special: return fmt::format("{} is a device or the like, no regular file", path);
            case Kind::file:
            case Kind::hardlink: return fmt::format("{} is no directory", path);  // one was needed for a ".."
            default: return fmt::format("{} is not in the image", path);
        }
    }();
    std::string hint;
    const auto& neighbours = pass.search.neighbours();
    if (pass.answer.kind == Kind::absent && !neighbours.empty())
        hint = fmt::format("seen in {}: {}", text_of(std::span(goal.path).first(goal.path.size() - 1)),
                           fmt::join(neighbours, ", "));
    return {Fault::not_found, reason, hint};
}

// Where to look next; nullopt when there is nothing to follow.
std::optional<Goal> next_goal(const Layers& layers, const Goal& goal, const Pass& pass) {
    const Answer& answer = pass.answer;
    switch (answer.kind) {
        case Kind::symlink:
            if (answer.target.empty()) return std::nullopt;  // ENOENT for the kernel
            return after_symlink(goal, answer.depth, answer.target, layers.count - 1);
        case Kind::hardlink:
            if (goal.wants_directory()) return std::nullopt;
            return after_hardlink(goal, answer.target, pass.layer, answer.member);
        case Kind::directory:
            if (!goal.wants_directory()) return std::nullopt;
            return after_directory(goal);
        default: return std::nullopt;
    }
}

std::string describe(const Goal& goal, const Answer& answer) {
    const std::string link = text_of(std::span(goal.path).first(answer.depth));
    return fmt::format("following {}, a {} link to {}", link, answer.kind == Kind::symlink ? "symbolic" : "hard",
                       printable(answer.target));
}

Found search_from(const Layers& layers, Goal goal, std::vector<std::string>& trail) {
    // The checksum file that counts stands beside the name that was asked for, not beside what that is a link to.
    std::optional<std::string> sha256_file;
    bool has_name = false;
    for (std::size_t hops = 0; hops <= most_hops; ++hops) {
        if (goal.path.empty()) throw Error(Fault::not_found, "/ is a directory");
        Pass pass = pass_over(layers, goal);
        const bool is_last = pass.answer.depth == goal.path.size() && !goal.wants_directory();
        if (is_last && !std::exchange(has_name, true)) sha256_file = pass.search.sha256_file();
        if (is_last && pass.answer.kind == Kind::file)
            return {.content = *pass.search.content(), .layer = pass.layer, .sha256_file = std::move(sha256_file)};
        auto next = next_goal(layers, goal, pass);
        if (!next) throw not_there(goal, pass);
        if (pass.answer.kind != Kind::directory) trail.push_back(describe(goal, pass.answer));
        goal = *std::move(next);
    }
    throw Error(Fault::not_found, fmt::format("more than {} links", most_hops));
}

}  // namespace

Found search(const Layers& layers, const std::string& path) {
    Goal goal{.path = parse_path(path), .rest = {}, .folder_of_link = {}};
    if (layers.count == 0) throw Error(Fault::not_found, "the image has no layers");
    goal.newest_layer = layers.count - 1;
    std::vector<std::string> trail;
    try {
        return search_from(layers, std::move(goal), trail);
    } catch (Error& error) {
        for (auto frame = trail.rbegin(); frame != trail.rend(); ++frame) error.add_frame(*frame);
        throw;
    }
}

}  // namespace wasmx::extract
