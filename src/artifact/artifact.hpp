// SPDX-License-Identifier: Apache-2.0
#pragma once
// artifact: the contract of the packaged tarball: its top directory, its files, what is in its libraries, its checksum.
// It reads a stream, and does not know where that comes from.

#include <string>
#include <utility>
#include <vector>

#include "artifact/report.hpp"
#include "io/stream.hpp"
#include "io/tree_writer.hpp"
#include "recipe/recipe.hpp"

namespace wasmx::artifact {

/// What a tarball must hold.
struct Contract {
    std::string package_name;   ///< ngx_wasm_runtime-…tar.gz
    std::string top_directory;  ///< v8-13.1.201.15-linux-x86_64
    oci::Platform platform;
    std::vector<std::string> required_files{};  ///< below the top directory
    std::string builtins_library{};             ///< that of them with V8's embedded builtins; empty: none has
    /// By the library that must define them: functions that consumers call.
    std::vector<std::pair<std::string, std::vector<std::string>>> functions{};
};
Contract contract_of(const recipe::Recipe& recipe);

/// The recipe whose package has that very path in an image; nullopt when it is the path of anything else.
std::optional<recipe::Recipe> find_recipe_at(std::string_view path);

struct Summary {
    Digest digest;            ///< of the .tar.gz
    std::uint64_t size = 0;   ///< of the .tar.gz, bytes
    std::uint64_t files = 0;  ///< regular files in it
};

struct Examined {
    Summary summary;  ///< digest and size of the whole file, even if it is damaged
    std::vector<Point> points;
};

/// Reads the .tar.gz to its end, once, and holds it against the contract. Points that fail: `archive` (compressed with
/// gzip, whole, a tar), `top-directory`, `files` (there and not empty), `paths` (no absolute one, no "..", no link that
/// leaves the directory, no device, no name twice), `libraries` (every member of every static library is an object for
/// the platform), `api` (the functions that consumers call are defined) and `builtins` (V8's are machine code of the
/// platform). One that warns: `reproducible`. Memory is bounded whatever the tarball's size. Throws what the source
/// throws but Fault::integrity, which is a point.
Examined examine(io::SourcePtr tarball, const Contract& contract);

/// The same but for `api`, in whose place a build runs a program. Fault::integrity names every point that fails, a line
/// for each thing wrong, not only the first.
Summary inspect(io::SourcePtr tarball, const Contract& contract);

/// Everything in the tarball, which is read twice: what can be said against it (see `inspect`; its names and sizes) is
/// said before the first file is written. Returns the name at its top. More than `limit` bytes are Fault::integrity.
std::string unpack(const io::Body& tarball, io::TreeWriter& writer, std::uint64_t limit);

/// The point `checksum`: whether the .sha256 file beside the tarball agrees with it, skipped when there is none.
Point checksum_point(const std::optional<std::string>& sha256_file, const std::string& package_name,
                     const Digest& digest);

/// The text of the .sha256 file beside the tarball, as sha256sum writes it: "<hex>  <name>\n". Throws Fault::integrity
/// if it is malformed, names another file or another digest.
void check_sha256_file(std::string_view text, const std::string& package_name, const Digest& digest);

}  // namespace wasmx::artifact
