// SPDX-License-Identifier: Apache-2.0
#include "push/existing.hpp"

#include <algorithm>
#include <future>
#include <mutex>
#include <set>
#include <span>

#include "base/error.hpp"
#include "base/parallel.hpp"
#include "image/published.hpp"

namespace wasmx::push {

namespace {

// A release has a few images (runtimes, versions, architectures); the newest share their base with the next.
constexpr std::size_t most_images = 12;
constexpr unsigned questions_at_once = 4;

class Search {
public:
    Search(registry::Repository& repository, std::string_view media_type, image::LayerCache& cache,
           const std::vector<Digest>& wanted)
        : repository_(repository), media_type_(media_type), cache_(cache), wanted_(wanted) {}

    bool has_all() const {
        return std::all_of(wanted_.begin(), wanted_.end(), [&](const Digest& id) { return found_.contains(id); });
    }

    /// False when there is a layer of which nothing is remembered.
    bool remember() {
        bool all = true;
        for (const Digest& diff_id : wanted_) {
            auto forms = cache_.forms_of(diff_id);
            all = all && !forms.empty();
            for (oci::Descriptor& form : forms) remembered_.push_back({diff_id, std::move(form)});
        }
        return all;
    }
    void ask_for_remembered() { ask_for(std::move(remembered_)); }

    // An image says of each of its layers what it is compressed and uncompressed.
    void learn(const std::vector<std::optional<image::Published>>& images) {
        std::vector<Candidate> candidates;
        for (const auto& image : images) {
            if (!image) continue;
            if (image->config.diff_ids == wanted_) cache_.keep_config(image->config_json);
            for (std::size_t i = 0; i < image->manifest.layers.size(); ++i) {
                const Digest& diff_id = image->config.diff_ids[i];
                oci::Descriptor form = image::oci_form(image->manifest.layers[i]);
                if (std::find(wanted_.begin(), wanted_.end(), diff_id) == wanted_.end()) continue;
                cache_.remember(diff_id, form);
                candidates.push_back({diff_id, std::move(form)});
            }
        }
        ask_for(std::move(candidates));
    }

    std::map<Digest, oci::Descriptor> take() { return std::move(found_); }

private:
    struct Candidate {
        Digest diff_id;
        oci::Descriptor form;
    };

    // Each blob once: the images of a repository share most of theirs.
    void ask_for(std::vector<Candidate> candidates) {
        std::erase_if(candidates, [&](const Candidate& one) {
            return found_.contains(one.diff_id) || one.form.media_type != media_type_ ||
                   !asked_.insert(one.form.digest).second;
        });
        std::mutex mutex;
        run_all(candidates.size(), questions_at_once, [&](std::size_t i) {
            if (!repository_.has_blob(candidates[i].form.digest)) return;
            const std::lock_guard lock(mutex);
            found_.emplace(candidates[i].diff_id, candidates[i].form);
        });
    }

    registry::Repository& repository_;
    std::string_view media_type_;
    image::LayerCache& cache_;
    const std::vector<Digest>& wanted_;
    std::vector<Candidate> remembered_;
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

std::vector<std::optional<image::Published>> images_of(registry::Repository& repository, const oci::Reference& target,
                                                       const oci::Platform& platform,
                                                       std::span<const std::string> tags) {
    std::vector<std::optional<image::Published>> out(tags.size());
    run_all(tags.size(), questions_at_once, [&](std::size_t i) {
        try {
            out[i] = image::find_published(repository, target.with_tag(tags[i]), platform);
        } catch (const Error& error) {
            // Of another platform, or no image: there is nothing to learn from it.
            if (error.fault() != Fault::not_found && error.fault() != Fault::integrity) throw;
        }
    });
    return out;
}

}  // namespace

std::map<Digest, oci::Descriptor> find_existing(registry::Repository& repository, const oci::Reference& target,
                                                const oci::Platform& platform, const std::vector<Digest>& diff_ids,
                                                std::string_view media_type, image::LayerCache& cache) {
    Search search(repository, media_type, cache, diff_ids);
    const bool remembers_all = search.remember();
    std::future<std::vector<std::string>> tags_to_come;
    const auto ask_for_tags = [&] { return tags_near(repository, target.tag().value_or("latest")); };
    if (!remembers_all) tags_to_come = std::async(std::launch::async, ask_for_tags);
    search.ask_for_remembered();
    try {
        if (search.has_all()) return search.take();
        const auto tags = tags_to_come.valid() ? tags_to_come.get() : ask_for_tags();
        for (std::size_t at = 0; at < tags.size() && !search.has_all(); at += questions_at_once) {
            const auto some = std::span(tags).subspan(at, std::min<std::size_t>(questions_at_once, tags.size() - at));
            search.learn(images_of(repository, target, platform, some));
        }
    } catch (const Error& error) {
        // It would only have saved work.
        if (error.fault() == Fault::interrupted) throw;
    }
    return search.take();
}

}  // namespace wasmx::push
