// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "artifact/artifact.hpp"
#include "artifact/listing.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "io/compression.hpp"

namespace wasmx::artifact {

namespace {

using Type = io::TarEntry::Type;

// All that can be said against the archive is said before anything is written.
std::string checked_top(const io::Body& tarball, std::uint64_t limit) {
    Listing listing;
    std::uint64_t size = 0;
    const auto bytes = io::decompressed(tarball.open(), most_plain_bytes);
    io::TarReader reader(*bytes);
    while (const auto member = reader.next()) {
        size += member->type == Type::file ? member->size : 0;
        if (size > limit)
            throw Error(Fault::integrity, fmt::format("it holds more than the limit of {}", human_bytes(limit)),
                        "if that is right, allow it with --max-size");
        listing.add(*member);
    }
    io::drain(*bytes);
    if (const auto against = listing.violations(); !against.empty()) throw Error(Fault::integrity, against.front());
    const auto tops = listing.top_names();
    if (tops.size() != 1)
        throw Error(Fault::integrity, fmt::format("it has {} names at its top, not one", tops.size()));
    return tops.front();
}

}  // namespace

std::string unpack(const io::Body& tarball, io::TreeWriter& writer, std::uint64_t limit) {
    std::string top = checked_top(tarball, limit);
    const auto bytes = io::decompressed(tarball.open(), most_plain_bytes);
    io::TarReader reader(*bytes);
    while (const auto member = reader.next()) {
        const std::string path = normal_path(member->path);
        if (path.empty()) continue;  // "./"
        switch (member->type) {
            case Type::directory: writer.add_folder(path, member->mode, member->mtime); break;
            case Type::file: writer.add_file(path, *reader.member(), member->mode, member->mtime); break;
            case Type::symlink: writer.add_symlink(path, member->target); break;
            case Type::hardlink: writer.add_hardlink(path, normal_path(member->target)); break;
            case Type::whiteout:
            case Type::other: break;  // was refused
        }
    }
    return top;
}

}  // namespace wasmx::artifact
