// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "io/file.hpp"
#include "oci/manifest.hpp"

namespace wasmx::image {

/// What earlier pushes have made, in a folder: which compressed forms a layer has (`forms/<diff ID>/`), and the
/// compressed bytes themselves (`blobs/`), so that a push that was broken off goes on where it was. Files appear whole
/// or not at all, so several processes may share the folder. It is only a cache: what goes wrong with it is told and
/// costs time, nothing else. The forms are believed, so a folder that others may write to is not used.
class LayerCache {
public:
    using Warn = std::function<void(const std::string&)>;

    /// Keeps blobs of at most `limit` bytes in all, the ones used last.
    LayerCache(std::filesystem::path folder, std::uint64_t limit, Warn warn);
    ~LayerCache();
    LayerCache(const LayerCache&) = delete;
    LayerCache& operator=(const LayerCache&) = delete;

    /// The compressed forms of a layer that this machine has made or verified.
    std::vector<oci::Descriptor> forms_of(const Digest& diff_id);
    void remember(const Digest& diff_id, const oci::Descriptor& form);

    /// The bytes of a blob; nullopt when they are not here. They are as they were written, which a digest has to tell.
    std::optional<io::Body> find_blob(const oci::Descriptor& blob);
    /// A file that `keep` can give its name.
    io::TempFile new_file();
    void keep(io::TempFile& file, const Digest& digest);
    /// The config of an image, by its digest: small enough to be verified at once.
    std::optional<std::string> find_config(const Digest& digest, std::uint64_t limit);
    void keep_config(const std::string& config);
    /// One that has turned out to be damaged.
    void drop(const Digest& digest);

private:
    void trim() noexcept;
    template <class Work>
    void attempt(Work&& work);

    std::filesystem::path folder_;
    std::uint64_t limit_;
    Warn warn_;
    std::atomic<bool> usable_ = false;
};

}  // namespace wasmx::image
