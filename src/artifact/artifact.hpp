// SPDX-License-Identifier: Apache-2.0
#pragma once
// artifact: the contract of the packaged tarball: its top directory, its files, its checksum. It reads a stream, and
// knows neither where that comes from nor which runtime it is.

#include <string>
#include <vector>

#include "io/stream.hpp"
#include "io/tree_writer.hpp"

namespace wasmx::artifact {

/// What a tarball must hold; the names come from the recipe.
struct Contract {
    std::string package_name;                 ///< ngx_wasm_runtime-…tar.gz
    std::string top_directory;                ///< v8-13.1.201.15-linux-x86_64
    std::vector<std::string> required_files;  ///< below the top directory
};

struct Summary {
    Digest digest;            ///< of the .tar.gz
    std::uint64_t size = 0;   ///< of the .tar.gz, bytes
    std::uint64_t files = 0;  ///< regular files in it
};

/// Reads the .tar.gz to its end and holds it against the contract: compressed with gzip; exactly one top directory, of
/// that name; every required file there and not empty; no absolute path, no "..", no link that leaves the directory, no
/// device, no name twice. Throws Fault::integrity naming every point that does not hold, one a line, not only the
/// first.
Summary inspect(io::SourcePtr tarball, const Contract& contract);

/// Everything in the tarball, which is read twice: what can be said against it (see `inspect`; its names and sizes) is
/// said before the first file is written. Returns the name at its top. More than `limit` bytes are Fault::integrity.
std::string unpack(const io::Body& tarball, io::TreeWriter& writer, std::uint64_t limit);

/// The text of the .sha256 file beside the tarball, as sha256sum writes it: "<hex>  <name>\n". Throws Fault::integrity
/// if it is malformed, names another file or another digest.
void check_sha256_file(std::string_view text, const std::string& package_name, const Digest& digest);

}  // namespace wasmx::artifact
