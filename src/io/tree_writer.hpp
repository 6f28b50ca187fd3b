// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "io/file.hpp"

namespace wasmx::io {

/// Makes a tree of files, links and folders in a folder, and nothing outside of it, whatever it is told: names are
/// checked, no link is followed, set-user-ID and the like are dropped, owners are whoever runs it. All of it grows in a
/// folder of its own beside its place and appears there with `finish`, or not at all.
class TreeWriter {
public:
    /// `folder` is created when it is not there.
    explicit TreeWriter(const std::filesystem::path& folder);
    ~TreeWriter();
    TreeWriter(const TreeWriter&) = delete;
    TreeWriter& operator=(const TreeWriter&) = delete;

    /// Paths are relative; the folders above need not be named. Throws Fault::integrity for a path that is none ("..",
    /// "/x", an empty name) or that is there already as something else.
    void add_folder(const std::string& path, std::uint32_t mode, std::int64_t mtime);
    void add_file(const std::string& path, Source& content, std::uint32_t mode, std::int64_t mtime);
    void add_symlink(const std::string& path, const std::string& target);
    /// One more name for a file that was added.
    void add_hardlink(const std::string& path, const std::string& existing);

    /// Files of the same name are replaced. A folder of the same name is Fault::usage, and then nothing is.
    void finish();

private:
    Fd folder_above(const std::vector<std::string_view>& names) const;

    std::filesystem::path folder_;
    std::filesystem::path staging_;
    Fd root_;
    std::map<std::string, std::pair<std::uint32_t, std::int64_t>> folders_;
    std::vector<std::pair<std::string, std::string>> symlinks_;  // made last: nothing is written through them
};

}  // namespace wasmx::io
