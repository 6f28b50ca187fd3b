// SPDX-License-Identifier: Apache-2.0
#include "commands/registry_access.hpp"

#include "base/text.hpp"
#include "credentials/authorities.hpp"
#include "doctor/doctor.hpp"

namespace wasmx::commands {

io::HttpClient::Trust registry_trust() { return credentials::authorities_of; }

registry::Repository::Options user_access(App& app, const oci::Reference& name, registry::Access access) {
    return {
        .access = access,
        .credential = [name, stop = app.stop] { return credentials::find(name.registry(), name.repository(), stop); },
        .warn = [&app](const std::string& line) { app.progress.warn(line); }};
}

void refuse_to_overwrite(registry::Repository& repository, const oci::Reference& target,
                         const engine::ImageInfo& image) {
    const auto platform =
        oci::Platform::from_architecture(image.architecture).value_or(oci::Platform::of_this_machine());
    const auto published =
        doctor::find_published_tag(repository, target, platform, recipe::provenance_of(image.labels, {}));
    // Most engines name an image by its config.
    const bool is_the_same =
        !published || published->differences.empty() || (published->config && published->config->str() == image.id);
    if (!is_the_same)
        throw Error(Fault::failed, doctor::text_of(*published, target), std::string(doctor::overwrite_hint));
}

Secret engine_auth(App& app, const oci::Reference& image) {
    const auto found = credentials::find(image.registry(), image.repository(), app.stop);
    if (!found) return {};
    return engine::Engine::registry_auth(found->username, found->password, found->identity_token,
                                         found->registry_token);
}

}  // namespace wasmx::commands
