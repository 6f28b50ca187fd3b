// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/progress.hpp"
#include "base/secret.hpp"
#include "engine/engine.hpp"
#include "io/stream.hpp"

namespace wasmx::engine {

/// On a container of an older version that only reads: its `owner_mark`.
inline constexpr const char* reader_label = "wasmx-image.reader";

/// A container that runs a command. (Engine API, POST /containers/create)
struct RunSettings {
    std::string name;
    std::string image;                 ///< ID
    std::string platform;              ///< "linux/arm64"; empty: the engine's own
    std::vector<std::string> command;  ///< program and arguments; the image's entrypoint is not used
    std::map<std::string, std::string> labels;
    std::vector<std::pair<std::string, Secret>> environment;
    std::string volume;               ///< name of the volume; the engine makes it when it is not there
    std::string volume_target;        ///< its folder in the container
    std::uint64_t processors = 0;     ///< the first so many; 0: all
    std::uint64_t file_limit = 0;     ///< of open files, soft and hard; 0: the engine's default
    std::uint64_t process_limit = 0;  ///< likewise of processes
    std::uint64_t memory = 0;         ///< limit in bytes, swap included; 0: none
};

/// GET /containers/{name}/json
struct ContainerState {
    std::string id;
    std::string name;
    std::string status;  ///< "created", "running", "exited"; podman has more words
    int exit_code = 0;
    bool oom_killed = false;  ///< a process of it was killed at its memory limit; podman 4.3 does not tell
    std::string error;        ///< why it could not be started
    std::string started_at;   ///< RFC 3339
    std::string finished_at;
    std::map<std::string, std::string> labels;

    bool is_running() const { return status == "running" || status == "paused" || status == "stopping"; }
    /// Made and not started.
    bool is_new() const { return status == "created" || status == "configured" || status == "initialized"; }
};

/// What a container takes now. (GET /containers/{id}/stats)
struct Usage {
    std::uint64_t memory = 0;                ///< bytes, without what the kernel only caches
    std::chrono::nanoseconds processors{0};  ///< processor time since it was started
};

struct Volume {
    std::string name;
    std::string created_at;               ///< RFC 3339
    std::optional<std::uint64_t> size{};  ///< bytes; nullopt: the engine does not tell
};

/// Containers that outlive a request, and the volumes they work in.
class Containers {
public:
    explicit Containers(Engine& engine) : engine_(engine) {}

    /// Makes a container that runs a command, and returns its ID; nullopt when there is one of that name.
    std::optional<std::string> create(const RunSettings& settings);
    /// Makes an image of one more layer: what `archive`, a tar, puts over `image`. Nothing runs. The image's config
    /// differs from that of `image` by `labels` alone; `comment` is in its history. Returns its ID.
    std::string add_layer(const ImageInfo& image, const io::Body& archive,
                          const std::map<std::string, std::string>& labels, const oci::Reference& tag,
                          const std::string& comment);

    /// Makes a container of an image that is never started, for `use` to read files of, and removes it.
    template <class Use>
    auto in_idle(const std::string& image, Use&& use);

    void start(const std::string& id);
    /// By name or ID.
    std::optional<ContainerState> find(const std::string& name);
    /// All that have the label ("key" or "key=value"), running or not.
    std::vector<ContainerState> list(const std::string& label);
    /// Passes on what the container has written from its beginning, less the first `skip` bytes, until it ends. The
    /// order of the two streams is that of the engine's log. Returns when the container has ended.
    /// `stop` ends it as being asked to stop does.
    using TakeLog = std::function<void(std::string_view, Progress::Stream)>;
    void follow_log(const std::string& id, std::uint64_t skip, const TakeLog& take, std::stop_token stop = {}) {
        log(id, "1", skip, take, std::move(stop));
    }
    /// The same of what there is now.
    void read_log(const std::string& id, std::uint64_t skip, const TakeLog& take) { log(id, "0", skip, take, {}); }
    /// nullopt: the container does not run, or the engine does not tell.
    std::optional<Usage> usage(const std::string& id);
    /// The last line of the log, as one that can be shown.
    std::string last_line(const std::string& id);
    /// SIGTERM, and SIGKILL after `grace`. Also works when we have been asked to stop. False: it did not run.
    bool stop(const std::string& id, std::chrono::seconds grace);
    /// Ends and removes it; one that is not there is no error. Also works when we have been asked to stop.
    void remove(const std::string& id) noexcept;
    /// Removes containers of ours that do not last (`owned_name`) and whose client is gone: killed, or its machine
    /// lost.
    void remove_forgotten() noexcept;
    /// A file of a container, running or not. Fault::not_found when there is no such file or container.
    io::SourcePtr open_file(const std::string& id, const std::string& path);

    /// Volumes whose name begins with `prefix`.
    std::vector<Volume> volumes(const std::string& prefix);
    /// Makes one with that label, unless it is there.
    void make_volume(const std::string& name, const std::string& label);
    /// One that is not there is no error; one in use is Fault::failed.
    void remove_volume(const std::string& name);

private:
    /// Removes the container when it goes out of scope.
    class Removal;
    void log(const std::string& id, std::string_view follow, std::uint64_t skip, const TakeLog& take,
             std::stop_token stop);
    std::string create_idle(const std::string& image);
    std::string create_from(const ImageInfo& image, const std::map<std::string, std::string>& labels,
                            const std::string& name);
    Engine& engine_;
};

class Containers::Removal {
public:
    Removal(Containers& containers, std::string id) : containers_(containers), id_(std::move(id)) {}
    Removal(const Removal&) = delete;
    Removal& operator=(const Removal&) = delete;
    ~Removal() { containers_.remove(id_); }
    const std::string& id() const noexcept { return id_; }

private:
    Containers& containers_;
    std::string id_;
};

template <class Use>
auto Containers::in_idle(const std::string& image, Use&& use) {
    const Removal container(*this, create_idle(image));
    return use(container.id());
}

}  // namespace wasmx::engine
