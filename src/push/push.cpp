// SPDX-License-Identifier: Apache-2.0
#include "push/push.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "image/sealed.hpp"

namespace wasmx::push {

namespace {

void put_if_missing(registry::Repository& repository, const oci::Descriptor& blob, const io::Body& body,
                    const std::string& name, Progress& progress) {
    auto task =
        progress.task(fmt::format("pushing {} {} ({})", name, blob.digest.brief(), human_bytes(blob.size)), blob.size);
    if (repository.has_blob(blob.digest)) return task->done("exists");
    const io::Body watched{.size = body.size, .open = [&] {
                               return io::counted(body.open(), [&](std::uint64_t count) { task->advance(count); });
                           }};
    in_context(fmt::format("uploading {} {} ({})", name, blob.digest.brief(), human_bytes(blob.size)),
               [&] { repository.put_blob(blob, watched); });
    task->done("uploaded");
}

}  // namespace

Digest push_image(engine::Engine& engine, registry::Repository& repository, const std::string& image,
                  const oci::Reference& target, const oci::Annotations& annotations, Progress& progress) {
    const image::Sealed sealed = in_context("exporting " + image + " from the engine",
                                            [&] { return image::seal_export(*engine.export_image(image), progress); });
    return in_context("pushing " + target.familiar(), [&] {
        for (const image::Layer& layer : sealed.layers)
            put_if_missing(repository, layer.descriptor, layer.body, "layer", progress);
        oci::Manifest manifest = sealed.manifest();
        manifest.annotations = annotations;
        put_if_missing(repository, manifest.config, io::body_of(sealed.config), "config", progress);
        return repository.put_manifest(target.tag().value_or("latest"), manifest.json(), manifest.media_type);
    });
}

}  // namespace wasmx::push
