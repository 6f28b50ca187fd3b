// SPDX-License-Identifier: Apache-2.0
#include "push/folders.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "image/folder_layer.hpp"

namespace wasmx::push {

namespace {

/// Whether the folder makes the layer; not a byte of it is on its way before that is known.
bool seal(io::Source& archive, const Digest& diff_id, std::uint64_t size, const image::SealHooks& hooks,
          Progress& progress) {
    const auto task = progress.task(fmt::format("reading layer {} ({})", diff_id.short_id(), human_bytes(size)), size);
    const auto sink = hooks.new_sink();
    io::Tally plain, packed;
    auto chain = image::layer_of_folder(archive, image::names_of_this_machine());
    chain = io::counted(io::digesting(std::move(chain), plain), [&](std::uint64_t count) { task->advance(count); });
    chain = io::digesting(io::compressed(std::move(chain), hooks.compression), packed);
    std::vector<std::byte> buffer(io::chunk_size);
    const auto read = [&]() -> std::size_t {
        try {
            return chain->read(buffer);
        } catch (const Error& error) {
            if (error.fault() != Fault::integrity) throw;
            return 0;
        }
    };
    while (const std::size_t count = read()) sink->write(std::span(buffer).first(count));
    if (!plain.complete || plain.digest != diff_id) {
        task->done("not built by this engine");
        return false;
    }
    task->done(fmt::format("{} compressed", human_bytes(packed.size)));
    sink->sealed(diff_id, {.media_type = std::string(image::layer_type_of(hooks.compression)),
                           .digest = packed.digest,
                           .size = packed.size,
                           .annotations = {}});
    return true;
}

}  // namespace

FromFolders seal_folders(engine::Engine& engine, const engine::ImageInfo& image,
                         const std::map<Digest, std::uint64_t>& sizes, const image::SealHooks& hooks,
                         Progress& progress) {
    std::vector<Digest> missing;
    std::vector<std::string> folders;
    for (std::size_t i = image.diff_ids.size(); i-- > 0;) {
        const Digest& diff_id = image.diff_ids[i];
        if (hooks.known(diff_id) || std::find(missing.begin(), missing.end(), diff_id) != missing.end()) continue;
        missing.push_back(diff_id);
        folders.push_back(image.layer_folders.at(i));
    }
    FromFolders out;
    try {
        out.tidied = engine.copy_folders(image.id, folders, [&](std::size_t i, io::Source& archive) {
            const auto size = sizes.find(missing[i]);
            if (!seal(archive, missing[i], size == sizes.end() ? 0 : size->second, hooks, progress)) return false;
            ++out.count;
            return true;
        });
    } catch (const Error& error) {
        if (error.fault() == Fault::interrupted) throw;
        progress.warn(fmt::format("the engine does not let its folders be read: {}", error.message()));
    }
    return out;
}

}  // namespace wasmx::push
