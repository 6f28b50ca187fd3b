// SPDX-License-Identifier: Apache-2.0
#pragma once
// source: the ngx_wasm_module tree: which commit it is, and its files as tar members. It knows no engine and no image.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/progress.hpp"
#include "io/tar.hpp"

namespace wasmx::source {

struct Wanted {
    std::string location;  ///< a folder (also a bare repository) or a git URL
    std::string ref;       ///< empty: HEAD of a folder, "main" of a URL
    bool allow_dirty = false;
    bool may_fetch = true;  ///< false for a dry run: no fetch; only what the cache already has
};

/// A source tree that will not change while it is used: either a commit, or a plain folder that nothing pins. Its
/// functions may be called from several threads at once, for none changes anything; what `members` gives is for one.
class Tree {
public:
    virtual ~Tree() = default;
    /// "https://github.com/Kong/ngx_wasm_module.git at main", "/src/ngx_wasm_module": for people.
    virtual const std::string& description() const = 0;
    /// 40 hex digits; nullopt for a plain folder, or with uncommitted changes allowed in.
    virtual const std::optional<std::string>& revision() const = 0;
    /// Where others can have it from, for the label `source`: a URL of a network, without user information; empty where
    /// there is none.
    virtual const std::string& url() const = 0;
    /// Seconds since the epoch: the commit's date; for a plain folder $SOURCE_DATE_EPOCH or its newest file.
    virtual std::int64_t date() const = 0;
    /// Whether files can be read; false only for a dry run of a URL that the cache does not have.
    virtual bool has_files() const = 0;
    /// A small file of the tree ("Makefile"); nullopt when there is none.
    virtual std::optional<std::string> find_file(const std::string& path) const = 0;
    /// git's id of a folder of the tree; nullopt where there is none (no commit, or no such folder).
    virtual std::optional<std::string> find_tree_id(const std::string& path) const = 0;
    /// Every file and link (and the folders above them) below `folder` ("" for all) as tar members with paths below
    /// `prefix`
    /// ("source", or "" for none): sorted, uid and gid 0, modes 0755 or 0644, time = date(). For a commit exactly
    /// its tracked files with the bytes that git stores (no attribute, filter or ignore file has a say); for a plain
    /// folder its files, less what its .dockerignore excludes. `folder_ignore` applies the .dockerignore that stands in
    /// `folder` to a commit's files as well: what the docker program does with a build context.
    enum class Ignore { none, dockerignore };
    virtual std::function<std::optional<io::TarMember>()> members(const std::string& folder, const std::string& prefix,
                                                                  Ignore folder_ignore) const = 0;
    /// Number of files and links, and their bytes: what `members("", …)` will yield.
    struct Extent {
        std::uint64_t files = 0;
        std::uint64_t bytes = 0;
    };
    virtual Extent extent() const = 0;
};

/// Finds the tree and, for a git URL, asks the remote what the ref is and fetches that one commit into the user's
/// cache, unless it is there; everything only for an abbreviated id, and where the server gives out nothing less. A
/// whole id that is there is not even asked for. `revision()` is the commit whose files these are, also when a branch
/// moves meanwhile. A folder inside a git work tree is its commit (HEAD or `ref`); one with uncommitted changes is
/// Fault::config listing them, unless `allow_dirty`, which takes the files as they stand. With `ref` it is that commit,
/// whatever is changed in the work tree. A folder below the top of a work tree is Fault::usage naming the top, unless
/// nothing in it is tracked. A folder outside git is a plain folder, which is warned about. A ref that does not exist
/// is Fault::not_found naming the ones that look like it.
std::unique_ptr<Tree> open(const Wanted& wanted, Progress& progress, const std::stop_token& stop);

/// The rules of a .dockerignore file. (docs.docker.com, "Dockerfile reference: .dockerignore file"; moby
/// patternmatcher)
class DockerIgnore {
public:
    /// Throws Fault::config for a line that is no pattern ("!", "[a").
    explicit DockerIgnore(std::string_view text);
    /// `path` is relative to the folder of the file, with / and no leading one. The last rule that matches it, or a
    /// folder above it, decides.
    bool excludes(std::string_view path) const;
    /// As the docker program reads it for a build: the .dockerignore itself and the Dockerfile go along, whatever it
    /// says.
    bool excludes_from_context(std::string_view path) const;
    /// Whether some rule brings something back: without one, nothing below an excluded folder needs a look.
    bool has_exceptions() const noexcept;

private:
    struct Rule {
        std::string pattern;
        bool keep = false;  ///< `!pattern`
    };
    std::vector<Rule> rules_;
};

}  // namespace wasmx::source
