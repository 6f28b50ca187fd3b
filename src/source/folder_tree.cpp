// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "base/error.hpp"
#include "base/text.hpp"
#include "io/file.hpp"
#include "source/listing.hpp"
#include "source/trees.hpp"

namespace wasmx::source {

namespace fs = std::filesystem;

namespace {

/// What lstat says of a path; nullopt when there is nothing.
std::optional<struct stat> find_status(const fs::path& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0) return status;
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw system_error("looking at " + path.string(), errno);
}

/// Gathers what stands at paths of a folder.
class Gathering {
public:
    Gathering(fs::path top, Progress& progress) : top_(std::move(top)), progress_(progress) {}

    void take(const std::string& path, const struct stat& status) {
        Node node{path, Node::Kind::file, static_cast<std::uint64_t>(status.st_size), {}};
        if (S_ISLNK(status.st_mode)) {
            node.kind = Node::Kind::symlink;
        } else if (!S_ISREG(status.st_mode)) {
            left_out_.push_back(path);
            return;
        } else if ((status.st_mode & S_IXUSR) != 0) {
            node.kind = Node::Kind::executable;
        }
        newest_ = std::max(newest_, static_cast<std::int64_t>(status.st_mtime));
        nodes_.push_back(std::move(node));
    }

    void take_empty_folder(const std::string& path) { nodes_.push_back({path, Node::Kind::directory, 0, {}}); }

    const fs::path& top() const noexcept { return top_; }
    std::int64_t newest() const noexcept { return newest_; }
    std::vector<Node> nodes() && {
        if (!left_out_.empty())
            progress_.warn(fmt::format("left out, for being no file, folder or link: {}", listed(left_out_)));
        return std::move(nodes_);
    }

private:
    fs::path top_;
    Progress& progress_;
    std::vector<Node> nodes_;
    std::vector<std::string> left_out_;
    std::int64_t newest_ = 0;
};

class FolderTree final : public Tree {
public:
    FolderTree(fs::path top, std::vector<Node> nodes, Facts facts)
        : top_(std::move(top)), listing_(std::move(nodes)), facts_(std::move(facts)) {}

    const std::string& description() const override { return facts_.description; }
    const std::optional<std::string>& revision() const override { return facts_.revision; }
    const std::string& url() const override { return facts_.url; }
    std::int64_t date() const override { return facts_.date; }
    bool has_files() const override { return true; }
    Extent extent() const override { return listing_.extent(); }
    std::optional<std::string> find_tree_id(const std::string&) const override { return std::nullopt; }

    std::optional<std::string> find_file(const std::string& path) const override {
        const Node* node = listing_.find(tree_path(path));
        if (node == nullptr || node->kind == Node::Kind::symlink || node->kind == Node::Kind::directory)
            return std::nullopt;
        return io::find_file(top_ / node->path);
    }

    std::function<std::optional<io::TarMember>()> members(const std::string& folder, const std::string& prefix,
                                                          Ignore folder_ignore) const override {
        const std::string from = tree_path(folder);
        return members_of(listing_,
                          {.folder = from,
                           .prefix = tree_path(prefix),
                           .date = facts_.date,
                           .is_left_out = left_out_of_context(*this, from, folder_ignore)},
                          {.link_target = [top = top_](const Node& node) { return read_link(top / node.path); },
                           .open = [top = top_](const Node& node) { return io::open_file(top / node.path); }});
    }

private:
    static std::string read_link(const fs::path& path) {
        std::error_code error;
        const fs::path target = fs::read_symlink(path, error);
        if (error) throw system_error("reading the link " + path.string(), error.value());
        return target.string();
    }

    fs::path top_;
    Listing listing_;
    Facts facts_;
};

/// Walks a folder without following links. Rules are asked with paths relative to the top.
class FolderWalk {
public:
    FolderWalk(Gathering& gathering, const DockerIgnore& ignore, const std::stop_token& stop)
        : gathering_(gathering), ignore_(ignore), stop_(stop) {}

    void walk(const std::string& below) {
        if (stop_.stop_requested()) throw_interrupted();
        std::error_code error;
        fs::directory_iterator children(gathering_.top() / below, error);
        for (; !error && children != fs::directory_iterator(); children.increment(error)) take(below, children->path());
        if (error) throw system_error("reading the folder " + (gathering_.top() / below).string(), error.value());
    }

private:
    void take(const std::string& below, const fs::path& child) {
        const std::string name = child.filename().string();
        // Of a clone within: no file of the source, and its configuration may hold a token.
        if (name == ".git") return;
        const std::string path = below.empty() ? name : below + "/" + name;
        const auto status = find_status(child);
        if (!status) return;
        const bool excluded = ignore_.excludes(path);
        if (S_ISDIR(status->st_mode)) {
            if (!excluded || ignore_.has_exceptions()) walk(path);
        } else if (!excluded) {
            gathering_.take(path, *status);
        }
    }

    Gathering& gathering_;
    const DockerIgnore& ignore_;
    const std::stop_token& stop_;
};

// (reproducible-builds.org, SOURCE_DATE_EPOCH)
std::optional<std::int64_t> date_from_environment() {
    const std::string text = environment("SOURCE_DATE_EPOCH");
    if (text.empty()) return std::nullopt;
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc() || end != text.data() + text.size() || seconds < 0)
        throw Error(Fault::config, fmt::format("SOURCE_DATE_EPOCH is \"{}\"", printable(text)),
                    "it has to be a number of seconds since 1970, or unset");
    return seconds;
}

}  // namespace

std::unique_ptr<Tree> work_tree(const git::Repository& repository, Facts facts, Progress& progress,
                                const std::stop_token& stop) {
    Gathering gathering(repository.work_tree(), progress);
    std::vector<std::string> absent;
    for (std::string path : repository.work_tree_paths()) {
        if (stop.stop_requested()) throw_interrupted();
        if (path.ends_with('/')) path.pop_back();
        const auto status = find_status(gathering.top() / path);
        if (!status) {  // removed, or left out by a sparse checkout
            absent.push_back(path);
            continue;
        }
        if (S_ISDIR(status->st_mode)) {
            progress.warn(fmt::format(
                "{} is a repository of its own and is not taken along: it will be an empty folder", printable(path)));
            gathering.take_empty_folder(path);
        } else {
            gathering.take(path, *status);
        }
    }
    if (!absent.empty())
        progress.warn(fmt::format("tracked, and not in the work tree: {}: the source is without them", listed(absent)));
    if (facts.date == 0) facts.date = date_from_environment().value_or(gathering.newest());
    return std::make_unique<FolderTree>(repository.work_tree(), std::move(gathering).nodes(), std::move(facts));
}

std::unique_ptr<Tree> plain_folder(const fs::path& folder, Facts facts, Progress& progress,
                                   const std::stop_token& stop) {
    const DockerIgnore ignore = in_context("reading " + (folder / ".dockerignore").string(), [&] {
        return DockerIgnore(io::find_file(folder / ".dockerignore").value_or(""));
    });
    Gathering gathering(folder, progress);
    FolderWalk(gathering, ignore, stop).walk("");
    facts.date = date_from_environment().value_or(gathering.newest());
    return std::make_unique<FolderTree>(folder, std::move(gathering).nodes(), std::move(facts));
}

}  // namespace wasmx::source
