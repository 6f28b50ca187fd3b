// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "doctor/doctor.hpp"

namespace wasmx::doctor {

recipe::Provenance Scene::provenance() {
    const recipe::BaseWanted wanted = base_wanted();
    recipe::Provenance out{.revision = tree.need()->revision().value_or(""),
                           .version = version.need().text,
                           .base_name = wanted.name,
                           .base_tree = {},
                           .diff_ids = {}};
    if (wanted.is_default && tree.need()->has_files())
        out.base_tree = tree.need()->find_tree_id(std::string(recipe::base_folder)).value_or("");
    if (const auto* found = base.find(); found != nullptr && *found) {
        out.diff_ids = (*found)->diff_ids;
        // What the image will inherit.
        const auto label = (*found)->labels.find(std::string(recipe::base_tree_label));
        out.base_tree = label == (*found)->labels.end() ? std::string() : label->second;
    }
    return out;
}

std::optional<PublishedTag> find_published_tag(registry::Repository& repository, const oci::Reference& target,
                                               const oci::Platform& platform, const recipe::Provenance& wanted) {
    const auto found = repository.find_manifest(target.manifest_key());
    if (!found) return std::nullopt;
    PublishedTag out{.digest = found->digest, .image = {}, .differences = {}};
    try {
        out.image = image::open_published(repository, target.with_digest(found->digest), platform);
        out.differences =
            recipe::differences(recipe::provenance_of(out.image->config.labels, out.image->config.diff_ids), wanted);
    } catch (const Error& error) {
        // It is no image, or none for this platform: anything but the same.
        if (error.fault() != Fault::not_found && error.fault() != Fault::integrity) throw;
        out.differences = {error.message()};
    }
    return out;
}

std::string text_of(const PublishedTag& tag, const oci::Reference& target) {
    return fmt::format("{}@{} is published, and another one: {}", target.familiar(), tag.digest.brief(),
                       fmt::join(tag.differences, "; "));
}

void registry_tag(Scene& scene, Result& result) {
    const registry::Greeting& greeting = scene.greeting.need();
    const auto& credential = scene.credential.need();
    const oci::Reference target = scene.target();
    result.required = "a tag that is not published yet, or from the same commit, version and base";
    result.where = target.familiar();
    const auto look = [&](registry::Access access) {
        registry::Repository repository(scene.http, target,
                                        {.access = access,
                                         .credential = [&] { return credential; },
                                         .warn = [&](const std::string& line) { result.details.push_back(line); },
                                         .patience = registry::Patience::brief});
        const auto find = [&] {
            return find_published_tag(repository, target, scene.platform.need(), scene.provenance());
        };
        auto found = find();
        // Who asks nobody at GET /v2/ may ask at an upload alone, and show only then what is private.
        const bool may_hide = credential && greeting.status == 200 && scene.request.touch == Request::Touch::yes;
        if (found || access != registry::Access::push || !may_hide) return found;
        repository.prove_push();
        return find();
    };
    std::optional<PublishedTag> found;
    try {
        // With all the rights that the push will have: what it would replace may be hidden from any other.
        found = look(registry::Access::push);
    } catch (const Error& error) {
        // Whoever may not push still learns what is there.
        if (error.fault() != Fault::denied) throw;
        found = look(registry::Access::pull);
    }
    if (!found) {
        result.observed = fmt::format("{} is not published yet", target.familiar());
        return;
    }
    result.details.push_back(found->digest.str());
    if (found->differences.empty()) {
        result.observed =
            fmt::format("already published from the same commit, version and base: {}", found->digest.str());
        return;
    }
    const bool may_overwrite = scene.request.published == Request::Published::overwrite;
    result.verdict = may_overwrite ? Verdict::warn : Verdict::fail;
    result.observed = text_of(*found, target);
    result.hint = may_overwrite ? "none: --overwrite replaces it" : overwrite_hint;
}

}  // namespace wasmx::doctor
