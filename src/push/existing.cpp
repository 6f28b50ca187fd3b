// SPDX-License-Identifier: Apache-2.0
#include "push/existing.hpp"

#include <mutex>
#include <set>

#include "base/parallel.hpp"

namespace wasmx::push {

std::map<Digest, oci::Descriptor> find_existing(registry::Repository& repository, const std::vector<Digest>& diff_ids,
                                                std::string_view media_type, image::LayerCache& cache) {
    constexpr unsigned questions_at_once = 4;
    std::vector<std::pair<Digest, oci::Descriptor>> candidates;
    for (const Digest& diff_id : std::set<Digest>(diff_ids.begin(), diff_ids.end()))  // empty layers occur often
        for (oci::Descriptor& form : cache.forms_of(diff_id))
            if (form.media_type == media_type) candidates.emplace_back(diff_id, std::move(form));
    std::map<Digest, oci::Descriptor> found;
    std::mutex mutex;
    run_all(candidates.size(), questions_at_once, [&](std::size_t i) {
        const auto& [diff_id, form] = candidates[i];
        if (!repository.has_blob(form.digest, form.size)) return;
        const std::lock_guard lock(mutex);
        found.emplace(diff_id, form);
    });
    return found;
}

}  // namespace wasmx::push
