// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "extract/layer_search.hpp"
#include "extract/layers.hpp"
#include "extract/selection.hpp"

namespace wasmx::extract {

/// Something of the image, where all layers have had their say.
struct TreeEntry {
    io::TarEntry::Type type = io::TarEntry::Type::file;
    std::uint64_t size = 0;
    std::uint32_t mode = 0;
    std::int64_t mtime = 0;
    std::string target;        ///< of a link
    std::size_t layer = 0;     ///< from 0 at the base
    std::uint64_t at = 0;      ///< of a file: where its bytes begin in Tree::content
    Digest digest;             ///< of a file whose bytes were taken
    std::uint64_t member = 0;  ///< of a hard link: its number in the layer
};

/// What a selection comes to. A path's folders stand before it where the image has members of their own for them.
struct Tree {
    Path base;                                 ///< the selection's, behind all links
    std::map<std::string, TreeEntry> entries;  ///< by path below the base: "a/b"
    io::TempFile content;
};

enum class Content { taken, left };

/// Everything that the selection matches, read as far down as it needs to be complete. Hard links have become what they
/// are one more name of. Throws Fault::not_found when the selection's folder is not there or none; nothing that matches
/// is an empty tree.
Tree search_tree(Layers layers, const Selection& selection, Content content, const LayerLimits& limits = {});

}  // namespace wasmx::extract
