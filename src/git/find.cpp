// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "base/text.hpp"
#include "git/git.hpp"
#include "git/program.hpp"

namespace wasmx::git {

namespace fs = std::filesystem;

namespace {

bool exists_by_name(const fs::path& path) {
    std::error_code ignored;
    return fs::symlink_status(path, ignored).type() != fs::file_type::not_found;
}

// One line each, in the order asked for.
std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    for (const std::string_view line : split(text, '\n'))
        if (!line.empty()) lines.emplace_back(line);
    return lines;
}

// Filters are commands that the repository's configuration names and `git status` runs; an empty one is none.
std::vector<std::string> options_against_filters(std::string_view names) {
    std::vector<std::string> options;
    for (const std::string& name : lines_of(names)) {
        const auto end = name.rfind('.');
        const std::string_view key = std::string_view(name).substr(end + 1);
        const std::string_view value = key == "required" ? "false" : "";
        options.insert(options.end(), {"-c", fmt::format("{}={}", name, value)});
    }
    return options;
}

}  // namespace

std::optional<Repository> Repository::find(const fs::path& folder, std::stop_token stop) {
    const auto result = run(
        {"-C", folder.string(), "rev-parse", "--is-inside-work-tree", "--absolute-git-dir", "--show-toplevel"}, stop);
    const auto lines = lines_of(result.out);
    if (result.exit_code == 0 && lines.size() == 3) return Repository(lines[1], lines[2], std::move(stop));
    // In a bare repository, and inside a .git folder, there is no work tree.
    if (!lines.empty() && lines[0] == "false") return std::nullopt;
    const std::string_view said = result.err;
    if (said.find("dubious ownership") != std::string_view::npos ||
        said.find("unsafe repository") != std::string_view::npos)
        return find_foreign(folder, std::move(stop));
    if (said.find("not a git repository") != std::string_view::npos && !exists_by_name(folder / ".git"))
        return std::nullopt;
    throw Error(Fault::config,
                failure(fmt::format("looking for the git repository of {}", folder.string()), result).message(),
                fmt::format("see what is wrong with it: git -C {} status", shell_quoted(folder.string())));
}

// The repository belongs to another user: root over a mounted work tree, in a container. git refuses because whoever
// can put a .git above the folder could make it run commands. A folder that was named as the repository is meant,
// though; it is taken, but nothing that its configuration tells git to run is. An explicit --git-dir is how git is told
// so, in every version (safe.directory on the command line is not heeded by all).
std::optional<Repository> Repository::find_foreign(const fs::path& folder, std::stop_token stop) {
    if (!exists_by_name(folder / ".git"))
        throw Error(Fault::denied,
                    fmt::format("{} is in a git repository that belongs to another user", folder.string()),
                    "give the top folder of that repository as the source, if you trust it");
    Repository repository(fs::canonical(folder) / ".git", fs::canonical(folder), std::move(stop));
    const auto filters =
        repository.ask({"config", "--name-only", "--get-regexp", "^filter\\..*\\.(clean|smudge|process|required)$"});
    repository.distrust_ = options_against_filters(filters.value_or(""));
    // A clone that leaves objects out would fetch them, with whatever command its remote names.
    for (const std::string_view protocol : {"https", "ssh", "git", "file"})
        repository.distrust_.insert(repository.distrust_.end(),
                                    {"-c", fmt::format("protocol.{}.allow=never", protocol)});
    return repository;
}

}  // namespace wasmx::git
