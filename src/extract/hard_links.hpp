// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "extract/layer_search.hpp"
#include "extract/tree.hpp"

namespace wasmx::extract {

/// A hard link that leads out of what was taken.
struct HardLink {
    Path path;  ///< in the image
    TreeEntry* entry;
};

/// Turns each into the file, the symbolic link or the whiteout that it is one more name of. All of them are looked for
/// in one pass over the layers; what leads on from there, to another hard link or by way of a symbolic one, takes
/// another pass. Each content is appended to `spool` once. Throws Fault::not_found for a link that leads to nothing, or
/// to more than 40 others.
void resolve_hard_links(Layers& layers, const std::vector<HardLink>& links, const LayerLimits& limits,
                        io::TempFile& spool);

}  // namespace wasmx::extract
