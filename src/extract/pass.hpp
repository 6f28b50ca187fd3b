// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "extract/layer_search.hpp"

namespace wasmx::extract {

/// One way down through the layers for one goal, and what it came to.
struct Pass {
    Answer answer;
    std::size_t layer = 0;  ///< that decided, from 0 at the base
    LayerSearch search;
};
Pass pass_over(Layers& layers, const Goal& goal, const LayerLimits& limits, const std::optional<Promise>& promise = {});

/// The path is a directory, where a file was asked for.
class IsDirectory : public Error {
public:
    explicit IsDirectory(Path path)
        : Error(Fault::not_found, text_of(path) + " is a directory"), path_(std::move(path)) {}
    const Path& path() const noexcept { return path_; }  ///< behind all links

private:
    Path path_;
};

/// Goes from goal to goal, as links lead. Keeps where it came along, for messages.
class Trail {
public:
    explicit Trail(std::size_t layers) : layers_(layers) {}
    /// The goal behind the link, or the directory, that `answer` is. Throws Fault::not_found with the reason when
    /// nothing leads on: `goal` is not there, or no file; or when there were too many links.
    Goal follow(const Goal& goal, const Answer& answer, std::size_t layer, const std::set<std::string>& neighbours);
    /// Adds the way to an error.
    void add_to(Error& error) const;

private:
    std::size_t layers_;
    std::size_t hops_ = 0;
    std::vector<std::string> frames_;
};

}  // namespace wasmx::extract
