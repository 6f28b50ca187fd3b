// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.hpp"
#include "git/git.hpp"
#include "git/program.hpp"

namespace wasmx::git {

namespace {

constexpr std::string_view peeled = "^{}";  // behind an annotated tag's name: the commit that it is about

// Full names and object ids of a remote; patterns narrow down, by whole last components.
std::map<std::string, std::string> list_remote(const std::string& url, const std::vector<std::string>& patterns,
                                               const std::stop_token& stop, std::chrono::seconds limit) {
    const Remote remote = remote_of(url);
    std::vector<std::string> arguments{"ls-remote", "--quiet", "--end-of-options", remote.url};
    arguments.insert(arguments.end(), patterns.begin(), patterns.end());
    const std::string doing = "asking " + public_url(url);
    const auto result = run_with_remote(remote, {}, std::move(arguments), stop, {.doing = doing, .time = limit});
    if (result.exit_code != 0) throw failure(doing, result);
    std::map<std::string, std::string> refs;
    for (const std::string_view line : split(result.out, '\n'))
        if (const auto tab = line.find('\t'); tab != std::string_view::npos)
            refs.emplace(line.substr(tab + 1), line.substr(0, tab));
    return refs;
}

}  // namespace

std::optional<RemoteCommit> find_remote_commit(const std::string& url, const std::string& ref,
                                               const std::stop_token& stop, std::chrono::seconds limit) {
    if (is_commit_id(ref)) return RemoteCommit{ref, {}};
    if (!is_ref_name(ref)) return std::nullopt;
    // The order in which git itself looks. (gitrevisions, "Specifying revisions")
    std::vector<std::string> names;
    for (const std::string_view above : {"", "refs/", "refs/tags/", "refs/heads/"})
        if (std::string name = fmt::format("{}{}", above, ref); name == "HEAD" || name.starts_with("refs/"))
            names.push_back(std::move(name));
    // The name that a branch has in a work tree.
    if (ref.starts_with("origin/")) names.push_back("refs/heads/" + ref.substr(7));
    std::vector<std::string> patterns = names;
    for (const std::string& name : names) patterns.push_back(name + std::string(peeled));
    const auto refs = list_remote(url, patterns, stop, limit);
    for (const std::string& name : names)
        for (const std::string& listed : {name + std::string(peeled), name})
            if (const auto found = refs.find(listed); found != refs.end()) return RemoteCommit{found->second, name};
    return std::nullopt;
}

std::vector<std::string> remote_ref_names(const std::string& url, const std::stop_token& stop) {
    std::vector<std::string> names;
    for (const auto& [name, id] : list_remote(url, {"refs/heads/*", "refs/tags/*"}, stop, answer_limit))
        for (const std::string_view above : {"refs/heads/", "refs/tags/"})
            if (name.starts_with(above) && !name.ends_with(peeled)) names.push_back(name.substr(above.size()));
    return names;
}

}  // namespace wasmx::git
