// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/tar.hpp"
#include "source/source.hpp"

namespace wasmx::source {

/// What stands in a source tree at a path.
struct Node {
    enum class Kind { file, executable, symlink, directory };  // directory: an empty one, in a submodule's place
    std::string path;
    Kind kind = Kind::file;
    std::uint64_t size = 0;
    std::string object;  ///< git's name of its bytes; empty in a folder
};

/// Nodes of a tree, sorted by path, each path once, none below another that is no folder.
class Listing {
public:
    Listing() = default;
    explicit Listing(std::vector<Node> nodes);

    const std::vector<Node>& nodes() const noexcept { return nodes_; }
    const Node* find(const std::string& path) const;
    /// Those below `folder` ("": all), with paths as they are; Fault::not_found when there is none.
    std::vector<Node> below(const std::string& folder) const;
    Tree::Extent extent() const;

private:
    std::vector<Node> nodes_;
};

/// Where the bytes come from while one tar is made.
struct Contents {
    std::function<std::string(const Node&)> link_target;
    std::function<io::SourcePtr(const Node&)> open;
};

/// A folder of a tree as tar members.
struct Request {
    std::string folder;  ///< clean; "" for all
    std::string prefix;  ///< clean; "" for none
    std::int64_t date = 0;
    std::function<bool(std::string_view)> is_left_out;  ///< asked with paths relative to the folder; may be empty
};
std::function<std::optional<io::TarMember>()> members_of(const Listing& listing, const Request& request,
                                                         Contents contents);

/// The first few of some paths, for a message.
std::string listed(const std::vector<std::string>& paths);

/// A path of a tree as it is stored: without slashes at its ends, "" for the top. Throws Fault::bug for one that leads
/// out.
std::string tree_path(std::string_view path);

/// The rule for a context: the .dockerignore of the folder, if `ignore` says so and it has one.
std::function<bool(std::string_view)> left_out_of_context(const Tree& tree, const std::string& folder,
                                                          Tree::Ignore ignore);

}  // namespace wasmx::source
