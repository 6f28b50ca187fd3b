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
                                               const std::stop_token& stop) {
    check_url(url);
    std::vector<std::string> arguments{"ls-remote", "--quiet", "--end-of-options", url};
    arguments.insert(arguments.end(), patterns.begin(), patterns.end());
    const auto result = run(std::move(arguments), stop);
    if (result.exit_code != 0) throw failure("asking " + public_url(url), result);
    std::map<std::string, std::string> refs;
    for (const std::string_view line : split(result.out, '\n'))
        if (const auto tab = line.find('\t'); tab != std::string_view::npos)
            refs.emplace(line.substr(tab + 1), line.substr(0, tab));
    return refs;
}

}  // namespace

std::optional<std::string> find_remote_commit(const std::string& url, const std::string& ref,
                                              const std::stop_token& stop) {
    if (is_commit_id(ref)) return ref;
    if (!is_ref_name(ref)) return std::nullopt;
    // The order in which git itself looks. (gitrevisions, "Specifying revisions")
    std::vector<std::string> names;
    for (const std::string_view above : {"", "refs/", "refs/tags/", "refs/heads/"}) {
        const std::string name = fmt::format("{}{}", above, ref);
        if (name != "HEAD" && !name.starts_with("refs/")) continue;
        names.push_back(name + std::string(peeled));
        names.push_back(name);
    }
    const auto refs = list_remote(url, names, stop);
    for (const std::string& name : names)
        if (const auto found = refs.find(name); found != refs.end()) return found->second;
    return std::nullopt;
}

std::vector<std::string> remote_ref_names(const std::string& url, const std::stop_token& stop) {
    std::vector<std::string> names;
    for (const auto& [name, id] : list_remote(url, {"refs/heads/*", "refs/tags/*"}, stop))
        for (const std::string_view above : {"refs/heads/", "refs/tags/"})
            if (name.starts_with(above) && !name.ends_with(peeled)) names.push_back(name.substr(above.size()));
    return names;
}

}  // namespace wasmx::git
