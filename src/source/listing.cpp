// SPDX-License-Identifier: Apache-2.0
#include "source/listing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/error.hpp"
#include "base/text.hpp"
#include "source/pattern.hpp"

namespace wasmx::source {

namespace {

bool comes_before(const Node& a, const Node& b) { return a.path < b.path; }

std::string joined(const std::string& above, std::string_view name) {
    return above.empty() ? std::string(name) : fmt::format("{}/{}", above, name);
}

/// The members in turn: before each node the folders above it that have not been there yet.
class Walk {
public:
    Walk(std::vector<Node> nodes, const Request& request, Contents contents)
        : nodes_(std::move(nodes)),
          folder_length_(request.folder.empty() ? 0 : request.folder.size() + 1),
          prefix_(request.prefix),
          date_(request.date),
          contents_(std::move(contents)) {}

    std::optional<io::TarMember> next() {
        if (at_ == nodes_.size()) return std::nullopt;
        const Node& node = nodes_[at_];
        const std::string path = joined(prefix_, std::string_view(node.path).substr(folder_length_));
        if (auto folder = next_folder_above(path))
            return io::TarMember{entry(*folder, io::TarEntry::Type::directory, 0755), {}};
        ++at_;
        if (node.kind == Node::Kind::directory)
            return io::TarMember{entry(path, io::TarEntry::Type::directory, 0755), {}};
        return node.kind == Node::Kind::symlink ? link(node, path) : file(node, path);
    }

private:
    io::TarEntry entry(const std::string& path, io::TarEntry::Type type, std::uint32_t mode) const {
        return {.path = path, .type = type, .target = {}, .size = 0, .mode = mode, .uid = 0, .gid = 0, .mtime = date_};
    }

    io::TarMember link(const Node& node, const std::string& path) const {
        io::TarMember member{entry(path, io::TarEntry::Type::symlink, 0777), {}};
        member.entry.target = contents_.link_target(node);
        return member;
    }

    io::TarMember file(const Node& node, const std::string& path) const {
        const std::uint32_t mode = node.kind == Node::Kind::executable ? 0755 : 0644;
        io::TarMember member{entry(path, io::TarEntry::Type::file, mode), {}};
        member.entry.size = node.size;
        member.content = [open = contents_.open, node] { return open(node); };
        return member;
    }

    std::optional<std::string> next_folder_above(const std::string& path) {
        for (auto end = path.find('/'); end != std::string::npos; end = path.find('/', end + 1))
            if (std::string folder = path.substr(0, end); shown_.insert(folder).second) return folder;
        return std::nullopt;
    }

    std::vector<Node> nodes_;
    std::size_t at_ = 0;
    std::size_t folder_length_;
    std::string prefix_;
    std::int64_t date_;
    Contents contents_;
    std::set<std::string> shown_;
};

}  // namespace

Listing::Listing(std::vector<Node> nodes) : nodes_(std::move(nodes)) {
    std::sort(nodes_.begin(), nodes_.end(), comes_before);
    // In a work tree a folder can have given way to a link or file that git has not been told of; what stands "below"
    // it is elsewhere.
    const auto is_below_a_node = [this](const Node& node) {
        for (auto end = node.path.find('/'); end != std::string::npos; end = node.path.find('/', end + 1))
            if (find(node.path.substr(0, end)) != nullptr) return true;
        return false;
    };
    std::vector<Node> kept;
    std::copy_if(nodes_.begin(), nodes_.end(), std::back_inserter(kept),
                 [&](const Node& node) { return !is_below_a_node(node); });
    nodes_ = std::move(kept);
}

const Node* Listing::find(const std::string& path) const {
    const auto found = std::lower_bound(nodes_.begin(), nodes_.end(), path,
                                        [](const Node& node, const std::string& wanted) { return node.path < wanted; });
    return found != nodes_.end() && found->path == path ? &*found : nullptr;
}

std::vector<Node> Listing::below(const std::string& folder) const {
    if (folder.empty()) return nodes_;
    std::vector<Node> found;
    for (const Node& node : nodes_)
        if (node.path.starts_with(folder + "/")) found.push_back(node);
    if (found.empty())
        throw Error(Fault::not_found, fmt::format("there is no folder {} in the source", printable(folder)));
    return found;
}

Tree::Extent Listing::extent() const {
    Tree::Extent extent;
    for (const Node& node : nodes_) {
        if (node.kind == Node::Kind::directory) continue;
        ++extent.files;
        if (node.kind != Node::Kind::symlink) extent.bytes += node.size;
    }
    return extent;
}

std::function<std::optional<io::TarMember>()> members_of(const Listing& listing, const Request& request,
                                                         Contents contents) {
    auto nodes = listing.below(request.folder);
    const std::size_t folder_length = request.folder.empty() ? 0 : request.folder.size() + 1;
    if (request.is_left_out)
        nodes.erase(std::remove_if(nodes.begin(), nodes.end(),
                                   [&](const Node& node) {
                                       return request.is_left_out(std::string_view(node.path).substr(folder_length));
                                   }),
                    nodes.end());
    return [walk = std::make_shared<Walk>(std::move(nodes), request, std::move(contents))] { return walk->next(); };
}

std::string listed(const std::vector<std::string>& paths) {
    constexpr std::size_t most = 10;
    std::string out;
    for (std::size_t i = 0; i < std::min(paths.size(), most); ++i)
        out += fmt::format("{}{}", i == 0 ? "" : ", ", printable(paths[i]));
    if (paths.size() > most) out += fmt::format(" and {} more", paths.size() - most);
    return out;
}

std::string tree_path(std::string_view path) {
    std::string clean = clean_path(path);
    if (clean.starts_with('/') || clean == ".." || clean.starts_with("../"))
        throw Error(Fault::bug, fmt::format("{} leads out of the source", printable(path)));
    return clean == "." ? std::string() : clean;
}

std::function<bool(std::string_view)> left_out_of_context(const Tree& tree, const std::string& folder,
                                                          Tree::Ignore ignore) {
    if (ignore == Tree::Ignore::none) return {};
    const std::string path = joined(folder, ".dockerignore");
    const auto text = tree.find_file(path);
    if (!text) return {};
    return in_context("reading " + path, [&] {
        return [rules = DockerIgnore(*text)](std::string_view below) { return rules.excludes_from_context(below); };
    });
}

}  // namespace wasmx::source
