// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "doctor/doctor.hpp"

namespace wasmx::doctor {

// Logging in proves nothing: only a registry that opens an upload lets us push.
void registry_push(Scene& scene, Result& result) {
    const oci::Reference& name = scene.request.registry_name();
    result.required = fmt::format("the right to push to {}", name.familiar_name());
    (void)scene.greeting.need();
    const auto& credential = scene.credential.need();
    if (scene.request.touch == Request::Touch::nothing) throw Skip{"a dry run opens no upload"};
    result.where = fmt::format("POST /v2/{}/blobs/uploads/", name.repository());
    registry::Repository repository(scene.http, name,
                                    {.access = registry::Access::push,
                                     .credential = [&] { return credential; },
                                     .patience = registry::Patience::brief});
    repository.prove_push();
    result.observed = fmt::format("{} opens an upload for us", name.registry());
}

}  // namespace wasmx::doctor
