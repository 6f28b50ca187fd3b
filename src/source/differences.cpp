// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "base/text.hpp"
#include "io/tree_writer.hpp"
#include "source/pattern.hpp"
#include "source/trees.hpp"

namespace wasmx::source {

namespace {

// Attributes that give a clone, or `git archive`, other files than the commit stores. (gitattributes(5))
constexpr std::array attributes{std::string_view("filter"),        std::string_view("working-tree-encoding"),
                                std::string_view("eol"),           std::string_view("ident"),
                                std::string_view("export-ignore"), std::string_view("export-subst")};
constexpr std::uint64_t largest_attributes = 1 << 20;
constexpr std::size_t most_rules = 4096;

/// A line of a .gitattributes, as far as it concerns us.
struct Rule {
    std::string pattern;                             // from the top of the tree
    std::map<std::string_view, std::string> values;  // "" takes an attribute back
};

std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> out;
    while (!(line = trim(line)).empty()) {
        // A quoted pattern is C-styled; one with an escape in it matches nothing here, and is passed over.
        const auto end = line.starts_with('"') ? std::min(line.find('"', 1), line.size() - 1) + 1
                                               : std::min(line.find_first_of(" \t"), line.size());
        const std::string_view word = line.substr(0, end);
        out.push_back(word.starts_with('"') && word.size() > 1 ? word.substr(1, word.size() - 2) : word);
        line.remove_prefix(end);
    }
    return out;
}

// (gitattributes(5): without a slash a pattern is of the name alone, in any folder below)
std::string from_top(std::string_view pattern, std::string_view folder) {
    const bool is_of_name = pattern.find('/') == std::string_view::npos;
    if (pattern.starts_with('/')) pattern.remove_prefix(1);
    return fmt::format("{}{}{}", folder, is_of_name ? "**/" : "", pattern);
}

std::optional<Rule> find_rule(std::string_view line, std::string_view folder) {
    const auto words = words_of(line);
    if (words.size() < 2 || words[0].starts_with('#') || words[0].starts_with("[attr]")) return std::nullopt;
    Rule out{.pattern = from_top(words[0], folder), .values = {}};
    if (!is_pattern(out.pattern)) return std::nullopt;
    for (auto word = words.begin() + 1; word != words.end(); ++word) {
        const bool is_taken_back = word->starts_with('-') || word->starts_with('!');
        const std::string_view set = is_taken_back ? word->substr(1) : *word;
        const std::string_view name = set.substr(0, set.find('='));
        const auto known = std::find(attributes.begin(), attributes.end(), name);
        if (known != attributes.end()) out.values[*known] = is_taken_back ? "" : std::string(set);
    }
    return out.values.empty() ? std::nullopt : std::optional(std::move(out));
}

/// Reads the files of one commit, one after the other.
class Reader {
public:
    explicit Reader(const git::Repository& repository) : objects_(repository) {}
    std::string text_of(const Node& node) {
        return io::read_all(
            *objects_.open(
                {.kind = git::TreeEntry::Kind::file, .object = node.object, .size = node.size, .path = node.path}),
            node.size);
    }

private:
    git::Repository::Objects objects_;
};

bool is_text(const Node& node) { return node.kind == Node::Kind::file || node.kind == Node::Kind::executable; }

// The rules of the files nearer to the top first: a later one goes before.
std::vector<Rule> rules_of(const Listing& listing, Reader& reader) {
    constexpr std::string_view name = ".gitattributes";
    std::vector<const Node*> files;
    for (const Node& node : listing.nodes())
        if (is_text(node) && node.size <= largest_attributes &&
            (node.path == name || node.path.ends_with("/.gitattributes")))
            files.push_back(&node);
    const auto depth = [](const Node* node) { return std::count(node->path.begin(), node->path.end(), '/'); };
    std::stable_sort(files.begin(), files.end(), [&](const Node* a, const Node* b) { return depth(a) < depth(b); });
    std::vector<Rule> out;
    for (const Node* file : files) {
        const std::string text = reader.text_of(*file);
        const std::string_view folder = std::string_view(file->path).substr(0, file->path.size() - name.size());
        for (const std::string_view line : split(text, '\n'))
            if (auto rule = find_rule(line, folder); rule && out.size() < most_rules) out.push_back(*std::move(rule));
    }
    return out;
}

// By attribute as it is set ("filter=git-crypt"): the files that have it.
std::map<std::string, std::vector<std::string>> files_by_attribute(const Listing& listing,
                                                                   const std::vector<Rule>& rules) {
    std::map<std::string, std::vector<std::string>> out;
    for (const Node& node : listing.nodes()) {
        if (!is_text(node)) continue;
        std::map<std::string_view, std::string> set;
        for (const Rule& rule : rules)
            if (pattern_matches(rule.pattern, node.path))
                for (const auto& [attribute, value] : rule.values) set[attribute] = value;
        for (const auto& [attribute, value] : set)
            if (!value.empty()) out[value].push_back(node.path);
    }
    return out;
}

// (git-lfs, docs/spec.md: a pointer has less than 1024 bytes and begins with the version; "hawser" was its first name)
bool is_lfs_pointer(std::string_view text) {
    const bool begins = text.starts_with("version https://git-lfs.github.com/spec/") ||
                        text.starts_with("version https://hawser.github.com/spec/");
    return begins && text.find("\noid ") != std::string_view::npos;
}

std::vector<std::string> lfs_pointers(const Listing& listing, Reader& reader) {
    constexpr std::uint64_t least = 100;  // a digest alone has 64
    constexpr std::uint64_t most = 1023;
    std::vector<std::string> out;
    for (const Node& node : listing.nodes())
        if (is_text(node) && node.size >= least && node.size <= most && is_lfs_pointer(reader.text_of(node)))
            out.push_back(node.path);
    return out;
}

// A link out of the tree leads, in the build, to the base image's files.
std::vector<std::string> links_out(const Listing& listing, Reader& reader) {
    constexpr std::uint64_t longest = 4096;
    std::vector<std::string> out;
    for (const Node& node : listing.nodes())
        if (node.kind == Node::Kind::symlink && node.size <= longest && io::leads_out(node.path, reader.text_of(node)))
            out.push_back(node.path);
    return out;
}

}  // namespace

void tell_differences(const git::Repository& repository, const Listing& listing, Progress& progress) {
    Reader reader(repository);
    if (const auto pointers = lfs_pointers(listing, reader); !pointers.empty())
        progress.warn(
            fmt::format("the commit has Git LFS pointers in place of the content of {}: the build gets the "
                        "pointers",
                        listed(pointers)));
    if (const auto links = links_out(listing, reader); !links.empty())
        progress.warn(fmt::format("links lead out of the source, and elsewhere in the build: {}", listed(links)));
    for (const auto& [attribute, files] : files_by_attribute(listing, rules_of(listing, reader))) {
        if (attribute == "eol=lf" || attribute == "filter=lfs") continue;  // what git stores; what was told
        const std::string line = fmt::format("{} of .gitattributes is not applied to {}: the source is what git stores",
                                             attribute, listed(files));
        if (attribute.starts_with("filter=")) {
            progress.warn(line);
        } else {
            progress.note(line);
        }
    }
}

}  // namespace wasmx::source
