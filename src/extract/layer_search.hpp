// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "extract/goal.hpp"
#include "extract/layers.hpp"
#include "io/file.hpp"
#include "io/tar.hpp"

namespace wasmx::extract {

/// What the layers say about a path. `depth` counts the names of the path it is about: fewer than all of them is a
/// directory above.
struct Answer {
    enum class Kind {
        file,
        directory,
        symlink,
        hardlink,
        special,  ///< a device, a pipe
        absent,
        blocked,   ///< something above the path is no directory
        deleted,   ///< by a whiteout beside it
        whiteout,  ///< it is one itself, as overlayfs stores it
        replaced,  ///< an opaque directory above the path hides what lower layers have there
    };
    Kind kind = Kind::absent;
    std::size_t depth = 0;
    std::string target;        ///< of a link
    std::uint64_t member = 0;  ///< of a link: its number in the layer
};
Answer::Kind kind_of(io::TarEntry::Type type) noexcept;
/// The same of what stands above the path and is no directory.
Answer::Kind kind_on_the_way(io::TarEntry::Type type) noexcept;

/// Beyond what any image has; what is beyond is not read on.
struct LayerLimits {
    std::uint64_t members = 10'000'000;         ///< of a layer
    std::uint64_t kept_bytes = 16'000'000'000;  ///< of all that is taken out
    std::uint64_t kept_entries = 1'000'000;
    std::uint64_t kept_names = 64'000'000;  ///< bytes of the names and links of those
    std::uint64_t sha256_file_bytes = 4096;
};

/// What is known beforehand of the file: bytes of that digest are the ones, whatever else the layer holds.
struct Promise {
    std::uint64_t size = 0;
    Digest digest;
};

/// One pass from the newest layer down, for one goal: is told every member of every layer, and after each layer whether
/// that decides. It opens nothing itself. Holds what the goal's path leads through and nothing else, so a layer of any
/// size costs the same memory; a file's bytes go to a temporary file, because only the layer's end tells whether they
/// are the ones: a later member of the same name wins, as it does for tar. (OCI image-spec, layer.md)
///
/// Directories that are only implied (a member below them, no member of their own) neither hide nor replace anything.
class LayerSearch final : public LayerObserver {
public:
    /// The goal's path is not empty.
    explicit LayerSearch(Goal goal, const LayerLimits& limits = {}, std::optional<Promise> promise = {});

    void begin_layer() override;
    /// Throws Fault::integrity for what no engine would unpack or what is beyond a limit.
    void observe(const io::TarEntry& member, io::TarReader& reader) override;
    /// The promised file was met: the rest of the layer cannot change what it is.
    bool is_settled() const noexcept override { return settled_; }
    /// nullopt: the layer does not decide, the one below may.
    std::optional<Answer> end_layer();

    /// The file's bytes, once the answer is `file`.
    const std::optional<io::TempFile>& content() const noexcept { return layer_.content; }
    const Digest& digest() const noexcept { return layer_.digest; }
    std::uint32_t mode() const noexcept { return layer_.mode; }
    std::int64_t mtime() const noexcept { return layer_.mtime; }
    /// The text of `<path>.sha256`, if the layer that decided has it.
    const std::optional<std::string>& sha256_file() const noexcept { return layer_.sha256_file; }
    /// Some of the names seen in the path's folder, for a hint.
    const std::set<std::string>& neighbours() const noexcept { return neighbours_; }

private:
    using Names = std::span<const std::string_view>;
    struct Node {
        io::TarEntry::Type type = io::TarEntry::Type::directory;
        std::string target;
        std::uint64_t member = 0;
    };
    struct Layer {
        std::uint64_t members = 0;
        std::vector<std::optional<Node>> nodes;  ///< what the first i + 1 names of the path are
        bool something_below = false;            ///< the path has members below it: it is a directory
        std::optional<Answer> hidden;
        std::optional<io::TempFile> content;
        Digest digest;  ///< of the content
        std::uint32_t mode = 0;
        std::int64_t mtime = 0;
        std::optional<std::string> sha256_file;
    };

    bool observe_whiteout(Names names);
    void place(Names names, const io::TarEntry& member, io::TarReader& reader);
    void place_node(std::size_t depth, const io::TarEntry& member, io::TarReader& reader);
    void place_neighbour(Names names, const io::TarEntry& member, io::TarReader& reader);
    std::optional<Answer> found_in_layer() const;
    std::size_t common_with_path(Names names) const;

    void keep_content(const io::TarEntry& member, io::TarReader& reader);
    std::string small_text(const io::TarEntry& member, io::TarReader& reader) const;

    Goal goal_;
    LayerLimits limits_;
    std::optional<Promise> promise_;
    bool settled_ = false;
    Layer layer_;
    std::uint64_t members_that_count_;  ///< of the layer at hand
    bool before_first_layer_ = true;
    std::vector<bool> is_directory_;  ///< of a layer above
    std::set<std::string> neighbours_;
};

}  // namespace wasmx::extract
