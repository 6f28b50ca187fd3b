// SPDX-License-Identifier: Apache-2.0
#include "push/existing.hpp"

#include <algorithm>
#include <set>

#include "base/error.hpp"
#include "image/published.hpp"

namespace wasmx::push {

namespace {

// A release has a few images (runtimes, versions, architectures); the newest share their base with the next.
constexpr std::size_t most_images = 12;

class Search {
public:
    Search(registry::Repository& repository, std::string_view media_type, image::LayerCache& cache)
        : repository_(repository), media_type_(media_type), cache_(cache) {}

    bool has(const Digest& diff_id) const { return found_.contains(diff_id); }
    bool has_all(const std::vector<Digest>& diff_ids) const {
        return std::all_of(diff_ids.begin(), diff_ids.end(), [&](const Digest& id) { return has(id); });
    }

    void look_for(const Digest& diff_id) {
        for (const oci::Descriptor& form : cache_.forms_of(diff_id)) ask_for(diff_id, form);
    }

    // An image says of each of its layers what it is compressed and uncompressed.
    void learn(const image::Published& image, const std::vector<Digest>& wanted) {
        if (image.config.diff_ids == wanted) cache_.keep_config(image.config_json);
        for (std::size_t i = 0; i < image.manifest.layers.size(); ++i) {
            const Digest& diff_id = image.config.diff_ids[i];
            const oci::Descriptor form = image::oci_form(image.manifest.layers[i]);
            if (std::find(wanted.begin(), wanted.end(), diff_id) == wanted.end()) continue;
            cache_.remember(diff_id, form);
            ask_for(diff_id, form);
        }
    }

    std::map<Digest, oci::Descriptor> take() { return std::move(found_); }

private:
    // Each blob once: the images of a repository share most of theirs.
    void ask_for(const Digest& diff_id, const oci::Descriptor& form) {
        if (has(diff_id) || form.media_type != media_type_ || !asked_.insert(form.digest).second) return;
        if (repository_.has_blob(form.digest)) found_.emplace(diff_id, form);
    }

    registry::Repository& repository_;
    std::string_view media_type_;
    image::LayerCache& cache_;
    std::set<Digest> asked_;
    std::map<Digest, oci::Descriptor> found_;
};

// The tag itself first, then the others, the likeliest first: those that sort next to it.
std::vector<std::string> tags_near(registry::Repository& repository, const std::string& tag) {
    std::vector<std::string> tags = repository.tags();
    const auto likeness = [&](const std::string& other) {
        return std::mismatch(tag.begin(), tag.end(), other.begin(), other.end()).first - tag.begin();
    };
    std::stable_sort(tags.begin(), tags.end(),
                     [&](const std::string& a, const std::string& b) { return likeness(a) > likeness(b); });
    if (tags.size() > most_images) tags.resize(most_images);
    return tags;
}

}  // namespace

std::map<Digest, oci::Descriptor> find_existing(registry::Repository& repository, const oci::Reference& target,
                                                const oci::Platform& platform, const std::vector<Digest>& diff_ids,
                                                std::string_view media_type, image::LayerCache& cache) {
    Search search(repository, media_type, cache);
    for (const Digest& diff_id : diff_ids) search.look_for(diff_id);
    try {
        if (search.has_all(diff_ids)) return search.take();
        for (const std::string& tag : tags_near(repository, target.tag().value_or("latest"))) {
            if (search.has_all(diff_ids)) break;
            try {
                if (const auto image = image::find_published(repository, target.with_tag(tag), platform))
                    search.learn(*image, diff_ids);
            } catch (const Error& error) {
                // Of another platform, or no image: there is nothing to learn from it.
                if (error.fault() != Fault::not_found && error.fault() != Fault::integrity) throw;
            }
        }
    } catch (const Error& error) {
        // It would only have saved work.
        if (error.fault() == Fault::interrupted) throw;
    }
    return search.take();
}

}  // namespace wasmx::push
