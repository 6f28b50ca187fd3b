// SPDX-License-Identifier: Apache-2.0
#include "push/base_layers.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "image/published.hpp"

namespace wasmx::push {

std::map<Digest, oci::Descriptor> mount_base_layers(
    registry::Repository& repository, registry::Repository& base_repository, const oci::Reference& base,
    const oci::Platform& platform, const std::vector<Digest>& diff_ids, const std::vector<Digest>& verified,
    const std::function<bool(const Digest& diff_id, const oci::Descriptor& form)>& wanted, Progress& progress) {
    std::map<Digest, oci::Descriptor> out;
    try {
        const auto image = image::find_published(base_repository, base, platform);
        if (!image || image->config.diff_ids != verified) return out;
        const std::size_t common = std::min(diff_ids.size(), verified.size());
        for (std::size_t i = 0; i < common && diff_ids[i] == verified[i]; ++i) {
            const oci::Descriptor form = image::oci_form(image->manifest.layers[i]);
            if (out.contains(diff_ids[i]) || !wanted(diff_ids[i], form)) continue;
            const auto task =
                progress.task(fmt::format("mounting layer {} ({})", form.digest.brief(), human_bytes(form.size)), 0);
            if (!repository.mount_blob(form.digest, base.repository(), form.size)) {
                task->done("not possible");
                continue;
            }
            task->done("mounted");
            out.emplace(diff_ids[i], form);
        }
    } catch (const Error& error) {
        if (error.fault() == Fault::interrupted) throw;
    }
    return out;
}

}  // namespace wasmx::push
