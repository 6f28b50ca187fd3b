// SPDX-License-Identifier: Apache-2.0
#include "extract/tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"
#include "extract/hard_links.hpp"
#include "extract/pass.hpp"

namespace wasmx::extract {

namespace {

using Type = io::TarEntry::Type;
using Kind = Answer::Kind;
using Names = std::span<const std::string_view>;
using Entries = std::map<std::string, TreeEntry>;

std::string joined(Names names) {
    std::string out;
    for (const std::string_view name : names) out.append(out.empty() ? "" : "/").append(name);
    return out;
}

const std::string& path_of(const Entries::value_type& entry) { return entry.first; }
const std::string& path_of(const std::string& path) { return path; }

template <class Paths>
void erase_below(Paths& paths, const std::string& path) {
    const std::string prefix = path + "/";
    auto at = paths.lower_bound(prefix);
    while (at != paths.end() && path_of(*at).starts_with(prefix)) at = paths.erase(at);
}

// "/" before any other character: what is below a folder follows it at once.
struct ByFolder {
    bool operator()(std::string_view a, std::string_view b) const noexcept {
        const auto weight = [](char c) { return c == '/' ? 0 : static_cast<unsigned char>(c) + 1; };
        return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                            [&](char x, char y) { return weight(x) < weight(y); });
    }
};

/// What the layers above hide from those below. None of the paths it holds is below another one, so that the only one
/// that can hide a path is the last before it.
class Hidden {
public:
    /// The path, and all below it.
    void add(const std::string& path) { insert(path, true); }
    /// All below the path, not itself.
    void add_below(const std::string& path) { insert(path, false); }
    bool everything() const { return paths_.contains(""); }
    bool has(const std::string& path) const {
        const auto after = paths_.upper_bound(path);
        if (after == paths_.begin()) return false;
        const auto& [above, is_whole] = *std::prev(after);
        return above == path ? is_whole : above.empty() || path.starts_with(above + "/");
    }
    std::size_t size() const { return paths_.size(); }

private:
    void insert(const std::string& path, bool is_whole) {
        if (has(path)) return;
        auto at = paths_.upper_bound(path);
        while (at != paths_.end() && (path.empty() || at->first.starts_with(path + "/"))) at = paths_.erase(at);
        paths_[path] |= is_whole;
    }

    std::map<std::string, bool, ByFolder> paths_;  // whether the path itself is hidden too
};

/// Gathers what a selection takes, layer by layer from the newest down. The way to its base is `LayerSearch`'s matter.
class TreeSearch final : public LayerObserver {
public:
    TreeSearch(const Selection& selection, Goal goal, Content content, const LayerLimits& limits)
        : selection_(selection), goal_(std::move(goal)), content_(content), limits_(limits) {
        if (!goal_.path.empty()) way_.emplace(goal_, limits_);
    }

    void begin_layer() override {
        in_layer_.clear();
        whiteouts_.clear();
        blocked_.clear();
        opaque_.clear();
        members_ = 0;
        if (way_) way_->begin_layer();
    }

    void observe(const io::TarEntry& member, io::TarReader& reader) override {
        if (++members_ > limits_.members)
            throw Error(Fault::integrity, fmt::format("the layer has more than {} members", limits_.members));
        const auto names = names_of_member(member.path);
        if (way_) way_->observe(member, reader);
        const std::size_t depth = goal_.path.size();
        if (names.size() <= depth || !std::equal(goal_.path.begin(), goal_.path.end(), names.begin()))
            return observe_on_the_way(names, member);
        place(Names(names).subspan(depth), member, reader);
    }

    /// What the layer says about the way to the base; nullopt: it goes on below.
    std::optional<Answer> end_layer(std::size_t layer) {
        merge(layer);
        if (!way_) return std::nullopt;
        return way_->end_layer();
    }

    bool is_complete() const {
        if (hidden_.everything()) return true;
        return selection_.is_literal() && hidden_.has(joined_patterns());
    }

    const std::set<std::string>& neighbours() const { return way_->neighbours(); }
    bool has_entries() const { return !entries_.empty(); }
    Tree take(Path base) && { return {.base = std::move(base), .entries = std::move(entries_), .content = spool_}; }
    Entries& entries() { return entries_; }
    io::TempFile& spool() { return spool_; }

private:
    std::string joined_patterns() const {
        const std::vector<std::string_view> names(selection_.patterns.begin(), selection_.patterns.end());
        return joined(names);
    }

    // The base, or a folder above it.
    void observe_on_the_way(Names names, const io::TarEntry& member) {
        const auto is_above = [this](Names folder) {
            return folder.size() <= goal_.path.size() && std::equal(folder.begin(), folder.end(), goal_.path.begin());
        };
        if (names.empty()) return;
        const Names folder = names.first(names.size() - 1);
        const std::string_view name = names.back();
        if (name == opaque_whiteout && is_above(folder)) {
            note(opaque_, {});
        } else if (name.starts_with(whiteout_prefix)) {
            if (is_above(folder) && name.substr(whiteout_prefix.size()) == goal_.path[folder.size()])
                note(whiteouts_, {});
        } else if (member.type != Type::directory && is_above(names)) {
            in_layer_.clear();  // with what was below
        }
    }

    void place(Names names, const io::TarEntry& member, io::TarReader& reader) {
        const auto is_whiteout = [](std::string_view any) { return any.starts_with(whiteout_prefix); };
        const Names folder = names.first(names.size() - 1);
        if (std::any_of(folder.begin(), folder.end(), is_whiteout)) return;
        const std::string_view name = names.back();
        if (name == opaque_whiteout) return note(opaque_, joined(folder));
        if (is_whiteout(name)) {
            std::string path = joined(folder);
            path.append(path.empty() ? "" : "/").append(name.substr(whiteout_prefix.size()));
            return note(whiteouts_, std::move(path));
        }
        add(joined(names), names, member, reader);
    }

    void note(std::set<std::string>& set, std::string path) {
        make_room(set.size() + hidden_.size(), path.size());
        set.insert(std::move(path));
    }

    // For one more entry of so many.
    void make_room(std::size_t count, std::size_t names) {
        names_ += names;
        if (count >= limits_.kept_entries || names_ > limits_.kept_names)
            throw Error(Fault::integrity,
                        fmt::format("there are more than {} entries, or {} of names", limits_.kept_entries,
                                    human_bytes(limits_.kept_names)),
                        "name less with --path");
    }

    void add(std::string path, Names names, const io::TarEntry& member, io::TarReader& reader) {
        const bool is_directory = member.type == Type::directory;
        // Within a layer the last one counts, as if those before had not been there.
        blocked_.erase(path);
        if (!is_directory) {
            erase_below(in_layer_, path);
            erase_below(blocked_, path);
        }
        const bool is_taken = selection_.takes(names);
        // What is no directory, where only directories lead on, hides what lower layers have there.
        const bool blocks = !is_taken && !is_directory && names.size() < selection_.patterns.size();
        if (!is_taken && !blocks) return;
        if (hidden_.has(path)) return;
        // The folder that took its place is not merged with one that it had replaced.
        if (!is_directory && is_folder_above(path)) return note(blocked_, std::move(path));
        if (blocks) return note(blocked_, std::move(path));
        make_room(entries_.size() + in_layer_.size(), path.size() + member.target.size());
        TreeEntry entry{.type = member.type,
                        .size = member.type == Type::file ? member.size : 0,
                        .mode = member.mode,
                        .mtime = member.mtime,
                        .target = member.target,
                        .member = members_ - 1};
        if (entry.type == Type::hardlink) take_linked(entry);
        if (entry.type == Type::file && member.type == Type::file && content_ == Content::taken) {
            entry.at = spool_.size();
            entry.digest = spool_member(member, reader, limits_.kept_bytes - spool_.size(), spool_);
        }
        in_layer_.insert_or_assign(std::move(path), std::move(entry));
    }

    // Whether a layer above has a folder there, be it only implied.
    bool is_folder_above(const std::string& path) const {
        if (entries_.contains(path)) return true;  // else it would be hidden
        const auto below = entries_.lower_bound(path + "/");
        return below != entries_.end() && below->first.starts_with(path + "/");
    }

    // A hard link to what was already taken from this layer is that file; what it is else is found out in the end.
    void take_linked(TreeEntry& link) const {
        const auto names = find_member_names(link.target);
        const std::size_t depth = goal_.path.size();
        if (!names || names->size() <= depth || !std::equal(goal_.path.begin(), goal_.path.end(), names->begin()))
            return;
        const auto found = in_layer_.find(joined(Names(*names).subspan(depth)));
        if (found == in_layer_.end() || found->second.type == Type::directory) return;
        link = found->second;
    }

    // Whiteouts are about the layers below, wherever in the archive they stand.
    void merge(std::size_t layer) {
        for (auto& [path, entry] : in_layer_) {
            entry.layer = layer;
            if (entry.type != Type::directory) hidden_.add(path);
            if (entry.type != Type::whiteout) entries_.try_emplace(path, std::move(entry));
        }
        for (const std::string& path : whiteouts_) hidden_.add(path);
        for (const std::string& path : blocked_) hidden_.add(path);
        for (const std::string& path : opaque_) hidden_.add_below(path);
    }

    const Selection& selection_;
    const Goal goal_;
    const Content content_;
    const LayerLimits limits_;
    std::optional<LayerSearch> way_;  // none to the root
    Entries entries_;
    Entries in_layer_;
    std::set<std::string> whiteouts_;
    std::set<std::string> blocked_;  // what is no directory, and not taken: it hides what was there
    std::set<std::string> opaque_;
    Hidden hidden_;
    std::uint64_t members_ = 0;
    std::uint64_t names_ = 0;  // bytes of them
    io::TempFile spool_;
};

// What a hard link to what was taken makes of it: one content stands for many files.
void check_size(const Entries& entries, const LayerLimits& limits) {
    std::uint64_t left = limits.kept_bytes;
    for (const auto& [path, entry] : entries) {
        if (entry.size > left)
            throw Error(Fault::integrity, fmt::format("more than {} in all", human_bytes(limits.kept_bytes)),
                        "if that is right, allow it with --max-size");
        left -= entry.size;
    }
}

// Those that lead out of the selection, or to what the layers below have.
std::vector<HardLink> hard_links_in(Entries& entries, const Path& base) {
    std::vector<HardLink> out;
    for (auto& [path, entry] : entries) {
        if (entry.type != Type::hardlink) continue;
        out.push_back({.path = base, .entry = &entry});
        for (const std::string_view name : split(path, '/')) out.back().path.emplace_back(name);
    }
    return out;
}

}  // namespace

Tree search_tree(Layers layers, const Selection& selection, Content content, const LayerLimits& limits) {
    if (layers.count() == 0) throw Error(Fault::not_found, "the image has no layers");
    Goal goal{.path = selection.base, .rest = {}, .newest_layer = layers.count() - 1, .folder_of_link = {}};
    Trail trail(layers.count());
    try {
        for (;;) {
            if (goal.wants_directory()) {  // first the folder that a link's ".." is taken from
                const Pass pass = pass_over(layers, goal, limits);
                goal = trail.follow(goal, pass.answer, pass.layer, pass.search.neighbours());
                continue;
            }
            TreeSearch search(selection, goal, content, limits);
            bool is_there = goal.path.empty();
            std::optional<std::pair<Answer, std::size_t>> elsewhere;
            for (std::size_t layer = goal.newest_layer + 1;
                 layer-- > layers.lowest && !elsewhere && !search.is_complete();) {
                read_layer(layers, layer, search);
                const auto answer = search.end_layer(layer);
                if (!answer) continue;
                if (answer->kind == Kind::directory) {
                    is_there = true;
                } else if (is_there) {
                    break;  // a directory above it took its place, and is not merged with what is below
                } else {
                    elsewhere.emplace(*answer, layer);
                }
            }
            if (!is_there && !elsewhere)
                elsewhere.emplace(Answer{.kind = Kind::absent, .depth = goal.path.size(), .target = {}}, 0);
            if (elsewhere) {
                goal = trail.follow(goal, elsewhere->first, elsewhere->second, search.neighbours());
                continue;
            }
            const Path base = goal.path;
            if (content == Content::taken) {
                resolve_hard_links(layers, hard_links_in(search.entries(), base), limits, search.spool());
                std::erase_if(search.entries(), [](const auto& row) { return row.second.type == Type::whiteout; });
                check_size(search.entries(), limits);
            }
            return std::move(search).take(base);
        }
    } catch (Error& error) {
        trail.add_to(error);
        throw;
    }
}

}  // namespace wasmx::extract
