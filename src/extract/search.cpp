// SPDX-License-Identifier: Apache-2.0
#include "extract/search.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/error.hpp"
#include "extract/pass.hpp"

namespace wasmx::extract {

namespace {

using Kind = Answer::Kind;

Found found_by(const LayerSearch& search, std::size_t layer, std::optional<std::string> sha256_file) {
    return {.content = *search.content(),
            .digest = search.digest(),
            .mode = search.mode(),
            .mtime = search.mtime(),
            .layer = layer,
            .sha256_file = std::move(sha256_file),
            .was_promised = search.is_settled()};
}

Found follow_to_file(Layers& layers, Goal goal, const LayerLimits& limits, std::optional<Promise> promise) {
    Trail trail(layers.count());
    // The checksum file that counts stands beside the name that was asked for, not beside what that is a link to.
    std::optional<std::string> sha256_file;
    bool has_name = false;
    try {
        for (;;) {
            if (goal.path.empty()) throw IsDirectory({});
            Pass pass = pass_over(layers, goal, limits, std::exchange(promise, std::nullopt));
            const bool is_last = pass.answer.depth == goal.path.size() && !goal.wants_directory();
            if (is_last && !std::exchange(has_name, true)) sha256_file = pass.search.sha256_file();
            if (is_last && pass.answer.kind == Kind::file)
                return found_by(pass.search, pass.layer, std::move(sha256_file));
            goal = trail.follow(goal, pass.answer, pass.layer, pass.search.neighbours());
        }
    } catch (Error& error) {
        trail.add_to(error);
        throw;
    }
}

// The one layer that the image's history points at; nullopt when it has not what was promised.
std::optional<Found> find_in_layer(Layers& layers, Goal goal, const LayerLimits& limits, const Clues& clues) {
    LayerSearch search(std::move(goal), limits, clues.promise);
    read_layer(layers, *clues.layer, search);
    if (!search.is_settled()) return std::nullopt;
    return found_by(search, *clues.layer, {});
}

}  // namespace

Found search(Layers layers, const std::string& path, const LayerLimits& limits, const Clues& clues) {
    Goal goal{.path = parse_path(path), .rest = {}, .folder_of_link = {}};
    if (layers.count() == 0) throw Error(Fault::not_found, "the image has no layers");
    goal.newest_layer = layers.count() - 1;
    if (clues.promise && clues.layer && *clues.layer < goal.newest_layer)
        if (auto found = find_in_layer(layers, goal, limits, clues)) return *std::move(found);
    Found found = follow_to_file(layers, std::move(goal), limits, clues.promise);
    if (clues.promise && found.digest != clues.promise->digest)
        throw Error(Fault::integrity,
                    fmt::format("the manifest promises {} of {} bytes, the image has {}", clues.promise->digest.str(),
                                clues.promise->size, found.digest.str()),
                    "do not use it: the image is not what was pushed");
    return found;
}

}  // namespace wasmx::extract
