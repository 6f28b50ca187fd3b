// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/tar.hpp"

namespace wasmx::artifact {

/// Beyond what any package has, of which the largest are some hundred megabytes.
inline constexpr std::uint64_t most_plain_bytes = 64'000'000'000;

/// A member's path without "./" and trailing slash, "." and ".." taken as text; as it is when it leaves the archive.
std::string normal_path(const std::string& path);

/// What a tarball would leave behind when it is unpacked, and what is wrong with its members one by one. Keeps names
/// and sizes, no content.
class Listing {
public:
    static constexpr std::size_t most_members = 100'000;
    static constexpr std::size_t most_name_bytes = 8 << 20;
    static constexpr std::size_t most_violations = 1000;

    /// Throws Fault::integrity beyond the first two limits, and for files of more than `most_plain_bytes`, which sparse
    /// ones have without taking room in the archive; of more violations than the third no more is said.
    void add(const io::TarEntry& member);

    /// Points against members, in the order of the archive. Complete once every member was added.
    std::vector<std::string> violations() const;
    /// The names at the top, sorted.
    std::vector<std::string> top_names() const;
    /// Where the regular file at `path` is, followed if that is a link; nullopt when there is none.
    std::optional<std::string> find_resolved_file(const std::string& path) const;
    /// The size of the regular file at `path`, followed if that is a link; nullopt when there is none.
    std::optional<std::uint64_t> find_file(const std::string& path) const;
    std::uint64_t files() const noexcept;

private:
    struct Member {
        io::TarEntry::Type type = io::TarEntry::Type::directory;
        std::uint64_t size = 0;
        std::string target;  ///< of a link: its path in the archive
    };
    void object_to(std::string violation);
    void check_folders(const std::string& path);
    void add_link(const io::TarEntry& member, const std::string& path, Member& out);

    std::map<std::string, Member> members_;  ///< by path, without "./" and trailing slash
    std::vector<std::string> violations_;
    std::size_t count_ = 0;
    std::size_t name_bytes_ = 0;
    std::uint64_t size_left_ = most_plain_bytes;
};

}  // namespace wasmx::artifact
