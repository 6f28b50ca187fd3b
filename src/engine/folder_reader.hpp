// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "engine/container.hpp"

namespace wasmx::engine {

/// Reads folders of the engine's own machine through containers that have them mounted read-only and are never started.
/// Nothing is read by a local path, so the engine may be anywhere. Its calls may come from several threads, and several
/// streams may be open: an engine gives one archive of a container at a time and lets the next request wait, so each
/// has a container of its own while it is open. (moby, daemon/archive_unix.go)
class FolderReader {
public:
    /// Creates a container from `image`, by ID. An engine that does not mount a folder, since it is not there or not
    /// allowed, is Fault::failed or Fault::denied in the engine's words.
    FolderReader(Engine& engine, const std::string& image, const std::vector<std::string>& folders);
    /// Removes the containers, and those of clients that were killed. The streams are closed by then.
    ~FolderReader();
    FolderReader(const FolderReader&) = delete;
    FolderReader& operator=(const FolderReader&) = delete;

    /// Whether the folder of that index has the path.
    bool has(std::size_t folder, const std::string& path);
    /// The bytes of a file. Fault::not_found when it is not there.
    io::SourcePtr open_file(std::size_t folder, const std::string& path);
    /// The tar of all that is in a folder below it, sorted by name in each folder: "./a", "./a/b". Fault::not_found
    /// when it is not there. (Engine API, GET /containers/{id}/archive)
    io::SourcePtr open_tree(std::size_t folder, const std::string& path);

private:
    class Lease;
    class Leased;

    Engine& engine_;
    Containers containers_;
    const std::string settings_;
    std::mutex mutex_;
    std::vector<std::string> all_;
    std::vector<std::string> idle_;
};

}  // namespace wasmx::engine
