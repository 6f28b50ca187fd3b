// SPDX-License-Identifier: Apache-2.0
#include "push/existing.hpp"

#include <mutex>

#include "base/parallel.hpp"

namespace wasmx::push {

std::map<Digest, oci::Descriptor> find_existing(registry::Repository& repository,
                                                const std::vector<std::pair<Digest, oci::Descriptor>>& candidates) {
    constexpr unsigned questions_at_once = 4;
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
