// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/file.hpp"

namespace wasmx::io {

/// Creates the folder and those above it where they are missing.
void create_folders(const std::filesystem::path& folder);

/// Throws Fault::usage when anything has that path.
void check_is_free(const std::filesystem::path& path);

/// Whether a symbolic link at `path`, which is relative, may lead out of the folder that the path is in: its target is
/// absolute, climbs above the folder, or has ".." after a name, which may itself be a link. (path_resolution(7))
bool leads_out(std::string_view path, std::string_view target);

/// Makes a tree of files, links and folders in a folder, and nothing outside of it, whatever it is told: names are
/// checked, no link is followed or leads out, set-user-ID and the like are dropped, modes are masked by the umask,
/// owners are whoever runs it. All of it grows in a folder of its own beside its place and appears there with `finish`,
/// or not at all.
class TreeWriter {
public:
    /// `folder` is created when it is not there.
    explicit TreeWriter(const std::filesystem::path& folder);
    ~TreeWriter();
    TreeWriter(const TreeWriter&) = delete;
    TreeWriter& operator=(const TreeWriter&) = delete;

    /// More than any tree has, and few enough for it to be removed again with a usual number of open files.
    static constexpr std::size_t most_folders_deep = 255;

    /// Paths are relative; the folders above need not be named. Throws Fault::integrity for a path that is none ("..",
    /// "/x", an empty name, longer than Linux takes), that is too deep, or that is there already as something else; and
    /// for a symbolic link that leads out.
    void add_folder(const std::string& path, std::uint32_t mode, std::int64_t mtime);
    void add_file(const std::string& path, Source& content, std::uint32_t mode, std::int64_t mtime);
    void add_symlink(const std::string& path, const std::string& target);
    /// One more name for a file that was added.
    void add_hardlink(const std::string& path, const std::string& existing);

    /// Nothing is replaced: something of the same name in the folder is Fault::usage, and then nothing appears.
    void finish();

private:
    const Fd& folder_above(const std::vector<std::string_view>& names);

    std::filesystem::path folder_;
    std::filesystem::path staging_;
    Fd root_;
    std::uint32_t umask_ = 0;
    std::string last_folder_;  // that was asked for; what is below it mostly comes in a row
    Fd last_;
    std::map<std::string, std::pair<std::uint32_t, std::int64_t>> folders_;
    std::vector<std::pair<std::string, std::string>> symlinks_;  // made last: nothing is written through them
};

}  // namespace wasmx::io
