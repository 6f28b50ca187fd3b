// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "io/stream.hpp"

namespace wasmx::image {

/// What an engine that stores names of owners calls them; nothing where it does not know.
struct OwnerNames {
    std::function<std::string(std::uint64_t)> user;   ///< by uid
    std::function<std::string(std::uint64_t)> group;  ///< by gid
};
/// Those of this machine.
OwnerNames names_of_this_machine();

/// The tar of a layer as docker made it when it built that layer, out of docker's archive of the folder in which its
/// overlay2 keeps the layer's files (of "folder/."): the same headers under their names in the image, what overlay2
/// stores as a device for a deleted file as the whiteout that it is. Whether it is the layer is for its diff ID to say:
/// of one that was not built there (pulled, loaded), or that replaces a whole folder, it is not. Made in one pass.
///
/// `archive` outlives it. What docker does not write, or what ends early, is Fault::integrity.
/// (POSIX.1-2017 pax, "ustar Interchange Format"; OCI image-spec layer.md, "Whiteouts")
io::SourcePtr layer_of_folder(io::Source& archive, OwnerNames names);

}  // namespace wasmx::image
