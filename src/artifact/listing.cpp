// SPDX-License-Identifier: Apache-2.0
#include "artifact/listing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"

namespace wasmx::artifact {

namespace {

using Type = io::TarEntry::Type;

constexpr std::size_t longest_path = 4096;  // PATH_MAX
constexpr int most_links = 40;              // as many as Linux follows (path_resolution(7))

// `path` from `folder`, with "." and ".." taken as text; nullopt when it leaves the archive.
std::optional<std::string> find_resolved(std::string_view folder, std::string_view path) {
    if (path.starts_with('/')) return std::nullopt;
    std::vector<std::string_view> names = split(folder, '/');
    std::erase(names, "");
    for (const std::string_view name : split(path, '/')) {
        if (name.empty() || name == ".") continue;
        if (name != "..") {
            names.push_back(name);
        } else if (names.empty()) {
            return std::nullopt;
        } else {
            names.pop_back();
        }
    }
    std::string out;
    for (const std::string_view name : names) out.append(out.empty() ? "" : "/").append(name);
    return out;
}

bool climbs(std::string_view path) {
    const auto names = split(path, '/');
    return std::find(names.begin(), names.end(), "..") != names.end();
}

// Whether ".." stands after a name. If that name is a link, the text alone does not tell where ".." leads.
bool turns_back(std::string_view target) {
    const auto names = split(target, '/');
    const auto is_name = [](std::string_view name) { return !name.empty() && name != "." && name != ".."; };
    const auto first_name = std::find_if(names.begin(), names.end(), is_name);
    return std::find(first_name, names.end(), "..") != names.end();
}

std::string_view folder_of(std::string_view path) {
    const auto slash = path.rfind('/');
    return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string top_of(std::string_view path) { return std::string(path.substr(0, path.find('/'))); }

}  // namespace

std::string normal_path(const std::string& path) { return find_resolved({}, path).value_or(path); }

void Listing::add(const io::TarEntry& member) {
    if (++count_ > most_members)
        throw Error(Fault::integrity, fmt::format("the archive has more than {} members", most_members));
    name_bytes_ += member.path.size() + member.target.size();
    if (name_bytes_ > most_name_bytes)
        throw Error(Fault::integrity, fmt::format("the names in the archive take more than {} bytes", most_name_bytes));
    if (member.type == Type::file && member.size > size_left_)
        throw Error(Fault::integrity,
                    fmt::format("the files in the archive claim to be more than {}", human_bytes(most_plain_bytes)));
    size_left_ -= member.type == Type::file ? member.size : 0;
    if (std::max(member.path.size(), member.target.size()) > longest_path)
        return object_to(
            fmt::format("{}…: a name of more than {} bytes", printable(clipped(member.path, 64)), longest_path));
    const std::string shown = printable(member.path);
    if (member.path.starts_with('/')) return object_to(fmt::format("{}: an absolute path", shown));
    if (climbs(member.path)) return object_to(fmt::format("{}: a path with \"..\"", shown));
    const std::string path = *find_resolved({}, member.path);
    if (path.empty() && member.type == Type::directory) return;  // "./", which unpacks to nothing new
    if (path.empty()) return object_to("a member without a name");

    check_folders(path);
    Member kept{.type = member.type, .size = member.size, .target = {}};
    if (member.type == Type::symlink || member.type == Type::hardlink) add_link(member, path, kept);
    if (member.type == Type::other || member.type == Type::whiteout)
        object_to(fmt::format("{}: a device or the like, no file, directory or link", shown));
    const auto [place, is_new] = members_.try_emplace(path, kept);
    if (is_new) return;
    if (place->second.type != Type::directory || kept.type != Type::directory)
        object_to(fmt::format("{}: more than once in the archive", shown));
    place->second = std::move(kept);
}

void Listing::object_to(std::string violation) {
    if (violations_.size() < most_violations) violations_.push_back(std::move(violation));
}

// What is unpacked below a link lands wherever that points.
void Listing::check_folders(const std::string& path) {
    for (auto slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
        const auto above = members_.find(path.substr(0, slash));
        if (above == members_.end() || above->second.type == Type::directory) continue;
        object_to(fmt::format("{}: below {}, which is no directory", printable(path), printable(above->first)));
        return;
    }
}

// A symbolic link's target is taken from the folder of the link, a hard link's from the top of the archive.
void Listing::add_link(const io::TarEntry& member, const std::string& path, Member& out) {
    const bool is_symbolic = member.type == Type::symlink;
    const auto target = find_resolved(is_symbolic ? folder_of(path) : std::string_view(), member.target);
    // What is beside the top directory is not the archive's either.
    if (target && !target->empty() && top_of(*target) == top_of(path) && !turns_back(member.target)) {
        out.target = *target;
        return;
    }
    object_to(fmt::format("{}: a {} link out of the top directory, to {}", printable(member.path),
                          is_symbolic ? "symbolic" : "hard", printable(member.target)));
}

std::vector<std::string> Listing::violations() const { return violations_; }

std::vector<std::string> Listing::top_names() const {
    std::set<std::string> names;
    for (const auto& [path, member] : members_) names.insert(top_of(path));
    return {names.begin(), names.end()};
}

std::optional<std::uint64_t> Listing::find_file(const std::string& path) const {
    const auto file = find_resolved_file(path);
    return file ? std::optional(members_.at(*file).size) : std::nullopt;
}

std::optional<std::string> Listing::find_resolved_file(const std::string& path) const {
    auto found = members_.find(path);
    for (int links = 0; links < most_links && found != members_.end(); ++links) {
        const Member& member = found->second;
        if (member.type == Type::file) return found->first;
        if (member.target.empty()) return std::nullopt;
        found = members_.find(member.target);
    }
    return std::nullopt;
}

std::uint64_t Listing::files() const noexcept {
    std::uint64_t count = 0;
    for (const auto& [path, member] : members_) count += member.type == Type::file ? 1 : 0;
    return count;
}

}  // namespace wasmx::artifact
