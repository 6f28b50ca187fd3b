// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "base/error.hpp"
#include "base/text.hpp"
#include "source/listing.hpp"
#include "source/trees.hpp"

namespace wasmx::source {

namespace {

constexpr std::uint64_t longest_link = 1 << 16;  // Linux takes 4 KiB

Node::Kind kind_of(git::TreeEntry::Kind kind) {
    switch (kind) {
        case git::TreeEntry::Kind::executable: return Node::Kind::executable;
        case git::TreeEntry::Kind::symlink: return Node::Kind::symlink;
        case git::TreeEntry::Kind::submodule: return Node::Kind::directory;
        case git::TreeEntry::Kind::file: break;
    }
    return Node::Kind::file;
}

git::TreeEntry entry_of(const Node& node) {
    return {.kind = git::TreeEntry::Kind::file, .object = node.object, .size = node.size, .path = node.path};
}

Listing listing_of(const git::Repository& repository, const git::Commit& commit, Progress& progress) {
    std::vector<Node> nodes;
    for (git::TreeEntry& entry : repository.tree(commit)) {
        if (entry.kind == git::TreeEntry::Kind::submodule)
            progress.warn(
                fmt::format("the submodule {} is not taken along: it will be an empty folder", printable(entry.path)));
        nodes.push_back({std::move(entry.path), kind_of(entry.kind), entry.size, std::move(entry.object)});
    }
    Listing listing(std::move(nodes));
    tell_differences(repository, listing, progress);
    return listing;
}

class CommitTree final : public Tree {
public:
    CommitTree(git::Repository repository, const git::Commit& commit, Facts facts, Progress& progress)
        : repository_(std::move(repository)),
          commit_(commit),
          facts_(std::move(facts)),
          listing_(listing_of(repository_, commit_, progress)) {}

    const std::string& description() const override { return facts_.description; }
    const std::optional<std::string>& revision() const override { return facts_.revision; }
    const std::string& url() const override { return facts_.url; }
    std::int64_t date() const override { return facts_.date; }
    bool has_files() const override { return true; }
    Extent extent() const override { return listing_.extent(); }

    std::optional<std::string> find_file(const std::string& path) const override {
        return repository_.find_file(commit_, tree_path(path));
    }
    std::optional<std::string> find_tree_id(const std::string& path) const override {
        return repository_.find_tree_id(commit_, tree_path(path));
    }

    std::function<std::optional<io::TarMember>()> members(const std::string& folder, const std::string& prefix,
                                                          Ignore folder_ignore) const override {
        const std::string from = tree_path(folder);
        const auto objects = std::make_shared<git::Repository::Objects>(repository_);
        const auto open = [objects](const Node& node) { return objects->open(entry_of(node)); };
        const auto link_target = [open](const Node& node) {
            return in_context("reading the link " + printable(node.path),
                              [&] { return io::read_all(*open(node), longest_link); });
        };
        return members_of(listing_,
                          {.folder = from,
                           .prefix = tree_path(prefix),
                           .date = facts_.date,
                           .is_left_out = left_out_of_context(*this, from, folder_ignore)},
                          {.link_target = link_target, .open = open});
    }

private:
    git::Repository repository_;
    git::Commit commit_;
    Facts facts_;
    Listing listing_;
};

}  // namespace

std::unique_ptr<Tree> commit_tree(git::Repository repository, const git::Commit& commit, Facts facts,
                                  Progress& progress) {
    return std::make_unique<CommitTree>(std::move(repository), commit, std::move(facts), progress);
}

}  // namespace wasmx::source
