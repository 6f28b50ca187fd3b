// SPDX-License-Identifier: Apache-2.0
#include "commands/registry_access.hpp"

#include "base/text.hpp"
#include "credentials/authorities.hpp"
#include "doctor/doctor.hpp"

namespace wasmx::commands {

io::HttpClient::Trust registry_trust() { return credentials::tls_files_of; }

registry::Repository::Options user_access(App& app, const oci::Reference& name, registry::Access access) {
    return {.access = access,
            .credential =
                [name, &app] {
                    return credentials::find(name.registry(), name.repository(), app.stop,
                                             [&app](const std::string& line) { app.progress.warn(line); });
                },
            .warn = [&app](const std::string& line) { app.progress.warn(line); }};
}

namespace {

// Engines name an image by its config, but for those with containerd's store.
bool is_the_same(const doctor::PublishedTag& published, const engine::ImageInfo& image) {
    if (!published.image) return false;
    if (published.image->manifest.config.digest.str() == image.id) return true;
    const oci::ImageConfig& config = published.image->config;
    return !config.created.empty() && config.created == image.created && config.diff_ids == image.diff_ids &&
           config.labels == image.labels;
}

}  // namespace

void refuse_to_overwrite(registry::Repository& repository, const oci::Reference& target,
                         const engine::ImageInfo& image) {
    const auto platform =
        oci::Platform::from_architecture(image.architecture).value_or(oci::Platform::of_this_machine());
    const auto published =
        doctor::find_published_tag(repository, target, platform, recipe::provenance_of(image.labels, {}));
    if (published && !published->differences.empty() && !is_the_same(*published, image))
        throw Error(Fault::failed, doctor::text_of(*published, target), std::string(doctor::overwrite_hint));
}

Secret engine_auth(App& app, const oci::Reference& image) {
    const auto found = credentials::find(image.registry(), image.repository(), app.stop);
    if (!found) return {};
    return engine::Engine::registry_auth(found->username, found->password, found->identity_token,
                                         found->registry_token);
}

}  // namespace wasmx::commands
