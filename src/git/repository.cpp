// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.hpp"
#include "git/git.hpp"
#include "git/program.hpp"

namespace wasmx::git {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t largest_small_file = 16 << 20;

// Fields of `-z` output.
std::vector<std::string> split_at_nul(std::string_view text) {
    std::vector<std::string> fields;
    for (const std::string_view field : split(text, '\0'))
        if (!field.empty()) fields.emplace_back(field);
    return fields;
}

TreeEntry::Kind kind_of(std::string_view mode) {
    if (mode == "120000") return TreeEntry::Kind::symlink;
    if (mode == "160000") return TreeEntry::Kind::submodule;
    return mode == "100755" ? TreeEntry::Kind::executable : TreeEntry::Kind::file;
}

// git does not check out such paths, but it stores them, and a tree can be made by anybody.
void check_path(std::string_view path) {
    for (const std::string_view part : split(path, '/'))
        if (part.empty() || part == "." || part == ".." || lower(part) == ".git")
            throw Error(Fault::integrity, fmt::format("the commit has a file of the name \"{}\"", printable(path)));
}

// "<mode> <type> <object> <size>\t<path>", the size with blanks before it, or "-". (git-ls-tree, "OUTPUT FORMAT", -l)
TreeEntry parse_entry(std::string_view line) {
    const auto tab = line.find('\t');
    std::vector<std::string_view> fields;
    if (tab != std::string_view::npos)
        for (const std::string_view field : split(line.substr(0, tab), ' '))
            if (!field.empty()) fields.push_back(field);
    if (fields.size() != 4) throw Error(Fault::bug, fmt::format("git ls-tree said \"{}\"", printable(line)));
    TreeEntry entry{kind_of(fields[0]), std::string(fields[2]), 0, std::string(line.substr(tab + 1))};
    std::from_chars(fields[3].data(), fields[3].data() + fields[3].size(), entry.size);
    return entry;
}

// From the commit object itself ("committer Name <mail> 1700000000 +0100"): `git log` asks the configuration how.
std::int64_t committer_time(std::string_view commit) {
    for (const std::string_view line : split(commit, '\n')) {
        if (line.empty()) break;  // the message begins
        const auto mail_end = line.rfind("> ");
        if (!line.starts_with("committer ") || mail_end == std::string_view::npos) continue;
        const std::string_view number = line.substr(mail_end + 2);
        std::int64_t seconds = 0;
        std::from_chars(number.data(), number.data() + number.size(), seconds);
        return seconds;
    }
    return 0;
}

}  // namespace

Repository::Repository(fs::path git_dir, fs::path work_tree, std::stop_token stop)
    : git_dir_(std::move(git_dir)), work_tree_(std::move(work_tree)), stop_(std::move(stop)) {}

// Always with an explicit --git-dir, so that git looks nowhere else.
std::vector<std::string> Repository::command(std::vector<std::string> arguments) const {
    std::vector<std::string> words = distrust_;
    words.push_back("--git-dir=" + git_dir_.string());
    if (!work_tree_.empty())
        words.insert(words.end(), {"-C", work_tree_.string(), "--work-tree=" + work_tree_.string()});
    words.insert(words.end(), std::make_move_iterator(arguments.begin()), std::make_move_iterator(arguments.end()));
    return words;
}

std::optional<std::string> Repository::ask(std::vector<std::string> arguments) const {
    auto result = run(command(std::move(arguments)), stop_);
    if (result.exit_code != 0) return std::nullopt;
    return std::move(result.out);
}

std::string Repository::demand(std::vector<std::string> arguments) const {
    const std::string verb = arguments.front();
    auto result = run(command(std::move(arguments)), stop_);
    if (result.exit_code != 0)
        throw failure(fmt::format("git {} in {}", verb, (work_tree_.empty() ? git_dir_ : work_tree_).string()), result);
    return std::move(result.out);
}

std::optional<Commit> Repository::find_commit(const std::string& ref) const {
    if (!is_ref_name(ref)) return std::nullopt;
    // As git reads it; a branch that only the remote has; and, where the branches are those of the remote (a mirror),
    // the name that it has in a work tree.
    std::vector<std::string> names{ref, "refs/remotes/origin/" + ref};
    if (ref.starts_with("origin/")) names.push_back("refs/heads/" + ref.substr(7));
    for (const std::string& name : names) {
        const auto id = ask({"rev-parse", "--verify", "--quiet", "--end-of-options", name + "^{commit}"});
        if (!id) continue;
        Commit commit{std::string(trim(*id)), 0};
        commit.time = committer_time(demand({"cat-file", "commit", commit.id}));
        return commit;
    }
    return std::nullopt;
}

bool Repository::has_files_of(const Commit& commit) const {
    return ask({"rev-list", "--quiet", "--objects", "--no-walk", commit.id}).has_value();
}

std::vector<TreeEntry> Repository::tree(const Commit& commit) const {
    std::vector<TreeEntry> entries;
    for (const std::string& line : split_at_nul(demand({"ls-tree", "-r", "-z", "-l", "--full-tree", commit.id}))) {
        entries.push_back(parse_entry(line));
        check_path(entries.back().path);
    }
    return entries;
}

std::optional<std::string> Repository::find_tree_id(const Commit& commit, const std::string& path) const {
    if (path.empty()) return std::string(trim(demand({"rev-parse", "--verify", commit.id + "^{tree}"})));
    const auto lines = split_at_nul(demand({"ls-tree", "-d", "-z", "-l", "--full-tree", commit.id, "--", path}));
    for (const std::string& line : lines) {
        const TreeEntry entry = parse_entry(line);
        if (entry.kind != TreeEntry::Kind::submodule && entry.path == path) return entry.object;
    }
    return std::nullopt;
}

std::optional<TreeEntry> Repository::find_blob(const Commit& commit, const std::string& path) const {
    if (path.empty()) return std::nullopt;
    for (const std::string& line :
         split_at_nul(demand({"ls-tree", "-z", "-l", "--full-tree", commit.id, "--", path}))) {
        TreeEntry entry = parse_entry(line);
        const bool is_file = entry.kind == TreeEntry::Kind::file || entry.kind == TreeEntry::Kind::executable;
        if (entry.path == path && is_file && line.find(" blob ") != std::string::npos) return entry;
    }
    return std::nullopt;
}

std::optional<std::string> Repository::find_file(const Commit& commit, const std::string& path) const {
    const auto entry = find_blob(commit, path);
    if (!entry) return std::nullopt;
    if (entry->size > largest_small_file)
        throw Error(Fault::integrity,
                    fmt::format("{} has {}, which is too much for what it is", path, human_bytes(entry->size)));
    return demand({"cat-file", "blob", entry->object});
}

std::vector<std::string> Repository::ref_names() const {
    std::vector<std::string> names;
    const std::string refs =
        demand({"for-each-ref", "--format=%(refname)", "refs/heads", "refs/tags", "refs/remotes/origin"});
    for (const std::string_view name : split(refs, '\n'))
        for (const std::string_view above : {"refs/heads/", "refs/tags/", "refs/remotes/origin/"})
            if (name.starts_with(above)) names.emplace_back(name.substr(above.size()));
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

std::vector<std::string> Repository::dirty_paths() const {
    // "XY <path>" each; without renames there is no second path. What is changed inside a submodule is never taken
    // along.
    std::vector<std::string> paths;
    for (const std::string& record : split_at_nul(demand(
             {"status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=dirty"})))
        if (record.size() > 3) paths.push_back(record.substr(3));
    return paths;
}

Repository::Unwatched Repository::unwatched_paths() const {
    // "S <path>": skip-worktree; a small letter: assume-unchanged. (git-ls-files, -t, -v)
    std::vector<std::string> flagged;
    for (const std::string& row : split_at_nul(demand({"ls-files", "-z", "-v"})))
        if (row.size() > 2 && (row[0] == 'S' || row[0] == 's' || row[0] == 'h')) flagged.push_back(row.substr(2));
    Unwatched out;
    for (const std::string& path : flagged) {
        std::error_code ignored;
        if (!fs::exists(fs::symlink_status(work_tree_ / path, ignored))) {
            out.absent.push_back(path);
            continue;
        }
        if (fs::is_symlink(work_tree_ / path, ignored)) continue;  // hash-object would follow it
        const auto now = ask({"hash-object", "--", path});
        const auto staged = ask({"rev-parse", "--verify", "--quiet", ":" + path});
        if (!now || !staged || trim(*now) != trim(*staged)) out.changed.push_back(path);
    }
    return out;
}

std::vector<std::string> Repository::work_tree_paths() const {
    auto paths = split_at_nul(demand({"ls-files", "-z", "--cached", "--others", "--exclude-standard"}));
    std::sort(paths.begin(), paths.end());
    paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
    return paths;
}

bool Repository::tracks(const std::string& path) const {
    return !demand({"ls-files", "-z", "--cached", "--", path}).empty();
}

std::optional<std::string> Repository::origin_url() const {
    const auto url = ask({"config", "--get", "remote.origin.url"});
    if (!url || trim(*url).empty()) return std::nullopt;
    return public_url(trim(*url));
}

}  // namespace wasmx::git
