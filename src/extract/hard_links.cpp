// SPDX-License-Identifier: Apache-2.0
#include "extract/hard_links.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"
#include "extract/pass.hpp"

namespace wasmx::extract {

namespace {

using Type = io::TarEntry::Type;
using Kind = Answer::Kind;

constexpr std::uint64_t most_names_per_entry = 4;  // on average

struct Content {
    std::uint64_t at = 0;
    std::uint64_t size = 0;
    Digest digest;
};

// A link on its way to what it stands for.
struct Search {
    const HardLink* link;
    Goal goal;
    Trail trail;
    std::vector<bool> is_directory{};  // in a layer above, by depth
    // Of this round:
    std::optional<Answer> answer{};
    std::size_t layer = 0;  // that gave it
    Content content{};      // of a file

    bool wants_file() const noexcept { return !goal.wants_directory(); }
    bool is_at_end() const noexcept { return answer->depth == goal.path.size() && wants_file(); }
};

// A name on the way to the goals of a layer, and what the layer says of it. The number of a member is counted from 1; 0
// stands before all of them.
struct Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> below;
    std::size_t searches = 0;     // for a file of this name, that may still find it
    Type type = Type::directory;  // of its last member
    std::string target;
    std::uint64_t number = 0;   // of that member
    std::uint64_t emptied = 0;  // by the last member of this name that is no directory
    std::uint64_t filled = 0;   // by the last member below, or as the root is without one
    bool is_deleted = false;
    bool is_opaque = false;
    Content content;
};

/// What one layer says of many goals. Its rules are those of LayerSearch.
class Watch final : public LayerObserver {
public:
    /// Those of `searches` whose goals the layer may answer.
    Watch(std::vector<Search*> searches, std::size_t layer, const LayerLimits& limits, io::TempFile& spool)
        : searches_(std::move(searches)), layer_(layer), limits_(limits), spool_(spool) {
        root_.filled = 1;
        for (Search* search : searches_) {
            Node* node = &root_;
            for (const std::string& name : search->goal.path) node = &child(*node, name);
            if (search->wants_file()) ++node->searches;
            search->is_directory.resize(search->goal.path.size());
        }
        const auto is_whole = [this](const Search* search) { return members_of(*search) == Goal::all_members; };
        first_whole_ = std::partition(searches_.begin(), searches_.end(), std::not_fn(is_whole));
        std::sort(searches_.begin(), first_whole_,
                  [this](const Search* a, const Search* b) { return members_of(*a) < members_of(*b); });
        next_ = searches_.begin();
    }

    void begin_layer() override {}

    void observe(const io::TarEntry& member, io::TarReader& reader) override {
        // For a hard link the layer is what it was before it.
        for (; next_ != first_whole_ && members_of(**next_) == members_; ++next_) conclude(**next_);
        if (++members_ > limits_.members)
            throw Error(Fault::integrity, fmt::format("the layer has more than {} members", limits_.members));
        const auto names = names_of_member(member.path);
        if (!names.empty() && !observe_whiteout(names)) place(names, member, reader);
    }

    /// The layer is read.
    void finish() {
        for (; next_ != searches_.end(); ++next_) conclude(**next_);
        for (Search* search : searches_)
            if (!search->answer) search->answer = hidden(search->goal);
        for (Search* search : searches_)
            if (search->answer) search->layer = layer_;
    }

private:
    using Names = std::span<const std::string_view>;

    std::uint64_t members_of(const Search& search) const noexcept {
        return search.goal.newest_layer == layer_ ? search.goal.members : Goal::all_members;
    }

    Node& child(Node& node, const std::string& name) {
        auto& below = node.below[name];
        if (below == nullptr) {
            if (++nodes_ > limits_.kept_entries)
                throw Error(Fault::integrity,
                            fmt::format("hard links lead to more than {} names", limits_.kept_entries),
                            "name less with --path");
            below = std::make_unique<Node>();
        }
        return *below;
    }

    static Node* find_child(Node& node, std::string_view name) {
        const auto found = node.below.find(name);
        return found == node.below.end() ? nullptr : found->second.get();
    }

    Node* find(Names names) {
        Node* node = &root_;
        for (auto name = names.begin(); name != names.end() && node != nullptr; ++name) node = find_child(*node, *name);
        return node;
    }

    bool observe_whiteout(Names names) {
        const Names folder = names.first(names.size() - 1);
        const auto is_whiteout = [](std::string_view any) { return any.starts_with(whiteout_prefix); };
        if (!is_whiteout(names.back())) return std::any_of(folder.begin(), folder.end(), is_whiteout);
        Node* node = find(folder);
        if (node == nullptr) return true;
        if (names.back() == opaque_whiteout) {
            node->is_opaque = true;
            node->filled = members_;
        } else if (Node* gone = find_child(*node, names.back().substr(whiteout_prefix.size()))) {
            gone->is_deleted = true;
        }
        return true;
    }

    void place(Names names, const io::TarEntry& member, io::TarReader& reader) {
        Node* node = &root_;
        for (const std::string_view name : names) {
            node->filled = members_;
            node = find_child(*node, name);
            if (node == nullptr) return;
        }
        node->type = member.type;
        node->target = is_target(member.target) ? member.target : std::string();
        node->number = members_;
        targets_ += node->target.size();
        if (targets_ > limits_.kept_names)
            throw Error(Fault::integrity, "links that lead on take more memory than any image's");
        if (member.type != Type::directory) node->emptied = members_;
        if (member.type != Type::file || node->searches == 0) return;
        node->content.at = spool_.size();
        node->content.size = member.size;
        node->content.digest = spool_member(member, reader, limits_.kept_bytes - spool_.size(), spool_);
    }

    // As it is at this point of the archive.
    void conclude(Search& search) {
        const Path& path = search.goal.path;
        const auto answer = [](Kind kind, std::size_t depth, const Node& node) {
            return Answer{.kind = kind, .depth = depth, .target = node.target, .member = node.number - 1};
        };
        std::optional<Answer> on_the_way;
        std::uint64_t emptied = 0;
        Node* node = &root_;
        for (std::size_t depth = 1; depth <= path.size(); ++depth) {
            node = find_child(*node, path[depth - 1]);
            if (node->number > emptied) {
                const Type type = node->type;
                if (depth == path.size()) {
                    search.answer = answer(kind_of(type), depth, *node);
                    search.content = node->content;
                } else if (type == Type::directory) {
                    search.is_directory[depth - 1] = true;
                } else if (!on_the_way) {
                    // A layer above has put a directory in its place; that one is not merged with anything below this.
                    on_the_way = search.is_directory[depth - 1]
                                     ? Answer{.kind = Kind::absent, .depth = path.size(), .target = {}}
                                     : answer(kind_on_the_way(type), depth, *node);
                }
            }
            emptied = std::max(emptied, node->emptied);
        }
        if (!search.answer) search.answer = std::move(on_the_way);
        if (!search.answer && node->filled > emptied)
            search.answer = Answer{.kind = Kind::directory, .depth = path.size(), .target = {}};
        if (search.wants_file()) --node->searches;
    }

    // Whether the layer hides what those below have there. Whiteouts count wherever in the archive they stand.
    std::optional<Answer> hidden(const Goal& goal) {
        std::optional<Answer> out;
        Node* node = &root_;
        for (std::size_t depth = 0; depth < goal.path.size(); ++depth) {
            if (node->is_opaque && !out) out = Answer{.kind = Kind::replaced, .depth = depth, .target = {}};
            node = find_child(*node, goal.path[depth]);
            if (node->is_deleted) out = Answer{.kind = Kind::deleted, .depth = depth + 1, .target = {}};
        }
        return out;
    }

    std::vector<Search*> searches_;  // first those for which only some members of the layer count
    std::vector<Search*>::iterator first_whole_;
    std::vector<Search*>::iterator next_;  // to conclude
    const std::size_t layer_;
    const LayerLimits& limits_;
    io::TempFile& spool_;
    Node root_;
    std::size_t nodes_ = 0;
    std::uint64_t members_ = 0;
    std::uint64_t targets_ = 0;  // bytes
};

// One pass over the layers, newest first, for all goals.
void answer_all(Layers& layers, std::vector<Search>& searches, const LayerLimits& limits, io::TempFile& spool) {
    std::size_t top = 0;
    for (Search& search : searches) {
        search.answer.reset();
        search.is_directory.clear();
        top = std::max(top, search.goal.newest_layer);
    }
    for (std::size_t layer = top + 1; layer-- > 0;) {
        std::vector<Search*> open;
        for (Search& search : searches)
            if (!search.answer && search.goal.newest_layer >= layer) open.push_back(&search);
        if (open.empty()) continue;
        Watch watch(std::move(open), layer, limits, spool);
        read_layer(layers, layer, watch);
        watch.finish();
    }
    for (Search& search : searches)
        if (!search.answer)
            search.answer = Answer{.kind = Kind::absent, .depth = search.goal.path.size(), .target = {}};
}

// Whether the link has become what it stands for; else its goal is another one.
bool follow(Search& search) {
    const Answer& answer = *search.answer;
    TreeEntry& entry = *search.link->entry;
    if (search.is_at_end() && answer.kind == Kind::file) {
        entry.type = Type::file;
        entry.target.clear();
        entry.at = search.content.at;
        entry.size = search.content.size;
        entry.digest = search.content.digest;
        return true;
    }
    if (search.is_at_end() && answer.kind == Kind::symlink) {
        entry.type = Type::symlink;
        entry.target = answer.target;
        return true;
    }
    // overlayfs makes all whiteouts of a file system out of one by hard links.
    if (search.is_at_end() && answer.kind == Kind::whiteout) {
        entry.type = Type::whiteout;
        return true;
    }
    try {
        search.goal = search.trail.follow(search.goal, answer, search.layer, {});
    } catch (Error& error) {
        search.trail.add_to(error);
        throw;
    }
    return false;
}

}  // namespace

void resolve_hard_links(Layers& layers, const std::vector<HardLink>& links, const LayerLimits& limits,
                        io::TempFile& spool) {
    std::vector<Search> searches;
    std::uint64_t names = 0;
    for (const HardLink& link : links) {
        const TreeEntry& entry = *link.entry;
        names += link.path.size();
        if (names > most_names_per_entry * limits.kept_entries)
            throw Error(Fault::integrity, "hard links take more memory than any image's", "name less with --path");
        Search search{.link = &link,
                      .goal = {.path = link.path, .rest = {}, .folder_of_link = {}},
                      .trail = Trail(layers.count())};
        search.answer =
            Answer{.kind = Kind::hardlink, .depth = link.path.size(), .target = entry.target, .member = entry.member};
        search.layer = entry.layer;
        (void)follow(search);
        searches.push_back(std::move(search));
    }
    while (!searches.empty()) {
        answer_all(layers, searches, limits, spool);
        std::vector<Search> left;
        for (Search& search : searches)
            if (!follow(search)) left.push_back(std::move(search));
        searches = std::move(left);
    }
}

}  // namespace wasmx::extract
