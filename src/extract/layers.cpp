// SPDX-License-Identifier: Apache-2.0
#include "extract/layers.hpp"

#include <fmt/format.h>

#include <vector>

#include "base/error.hpp"
#include "base/text.hpp"
#include "extract/path.hpp"
#include "io/compression.hpp"

namespace wasmx::extract {

void read_layer(Layers& layers, std::size_t layer, LayerObserver& observer) {
    in_context(fmt::format("reading layer {} of {}", layer + 1, layers.count()), [&] {
        observer.begin_layer();
        const io::SourcePtr blob = layers.open(layer);
        io::Tally plain;
        try {
            const auto bytes = io::digesting(io::decompressed(*blob, layers.bytes_left), plain);
            io::TarReader reader(*bytes);
            while (const auto member = reader.next()) {
                observer.observe(*member, reader);
                if (member->is_opaque)
                    observer.observe({.path = fmt::format("{}/{}", member->path, opaque_whiteout), .target = {}},
                                     reader);
                if (observer.is_settled()) return;
            }
            io::drain(*bytes);  // the digests are of all bytes: whatever stands after the archive counts too
        } catch (const Error& error) {
            // If the bytes are not the layer's at all, its stream says so at its end, and that is the better reason.
            if (error.fault() == Fault::integrity) io::drain(*blob);
            throw;
        }
        layers.bytes_left -= plain.size;
        if (plain.digest != layers.diff_ids[layer])
            throw Error(Fault::integrity, fmt::format("its content has the digest {}, the image's config says {}",
                                                      plain.digest.str(), layers.diff_ids[layer].str()));
    });
}

Digest spool_member(const io::TarEntry& member, io::TarReader& reader, std::uint64_t limit, io::TempFile& out) {
    if (member.size > limit)
        throw Error(Fault::integrity,
                    fmt::format("{} claims to have {}, more than the limit of {}", printable(member.path),
                                human_bytes(member.size), human_bytes(limit)),
                    "if that is right, allow it with --max-size");
    io::Hasher hasher;
    std::uint64_t size = 0;
    std::vector<std::byte> buffer(4 * io::chunk_size);
    while (const std::size_t count = reader.read(buffer)) {
        if (count > member.size - size) break;  // never beyond what was claimed
        size += count;
        hasher.update(std::span(buffer).first(count));
        out.write(std::span(buffer).first(count));
    }
    if (size != member.size)
        throw Error(Fault::integrity,
                    fmt::format("{} has not the {} bytes that its header claims", printable(member.path), member.size));
    return hasher.finish();
}

}  // namespace wasmx::extract
