// SPDX-License-Identifier: Apache-2.0
#pragma once
// engine: the Docker Engine API over a Unix socket, as Docker 20.10 to 29 and podman's compatible socket speak it.
// It knows images, containers and builds, and nothing of what ours are for; it sees no registry of its own accord.

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.hpp"
#include "engine/locate.hpp"
#include "io/http.hpp"
#include "io/tar.hpp"
#include "oci/manifest.hpp"
#include "oci/platform.hpp"
#include "oci/reference.hpp"

namespace wasmx::engine {

/// What answered the ping.
struct Identity {
    bool podman = false;
    std::string newest_api;   ///< the newest that it speaks, "1.47"
    std::string api_version;  ///< what we speak with it, "1.41"; empty when it is too old for us
    bool buildkit = false;    ///< it offers BuildKit at /build?version=2
};

/// Asks who listens there. Nobody is Fault::unavailable, saying whether the socket is missing or silent; not allowed is
/// Fault::denied.
Identity ping(io::HttpClient& http, const Endpoint& endpoint);

/// GET /info
struct Info {
    std::string name;
    std::string version;       ///< of the engine
    std::string os;            ///< "linux"
    std::string architecture;  ///< as the engine spells it
    std::uint64_t memory = 0;  ///< bytes
    std::uint64_t processors = 0;
    std::string kernel;                 ///< "6.1.0-18-arm64"
    std::string root;                   ///< where it stores images, on its own machine
    std::string storage_driver;         ///< "overlay2"
    bool containerd_store = false;      ///< images are in containerd's store, not in the engine's own
    bool seccomp = true;                ///< containers have a seccomp profile, or the engine does not say
    bool can_limit_processors = false;  ///< which processors a container runs on (rootless engines often cannot)
    /// Throws Fault::failed when there is no runtime for such a machine.
    oci::Platform platform() const;
};

/// GET /images/{name}/json
struct ImageInfo {
    std::string id;  ///< "sha256:…": the config's digest, or on a containerd store the manifest's
    std::string os;
    std::string architecture;
    std::string created;  ///< "2026-11-24T18:20:15.664088526Z"
    std::string comment;  ///< of the commit that made it
    std::vector<std::string> tags;
    std::vector<std::string> repo_digests;
    std::vector<Digest> diff_ids;  ///< base first
    std::map<std::string, std::string> labels;
    oci::Inherited inherited;
    /// Whether a registry is known to have it under that name ("ghcr.io/kong/x@sha256:…").
    bool has_repo_digest(std::string_view name) const;
};

using Release = std::array<int, 3>;
/// "26.1.5+dfsg1" is {26, 1, 5}; what is no version is {0, 0, 0}.
Release release_of(std::string_view version);

enum class Builder { buildkit, classic };

/// BuildKit where the engine offers it and can take a context from us, else the classic builder. DOCKER_BUILDKIT=0
/// asks for the classic one, as it does of the docker program.
Builder choose_builder(const Identity& identity, const Info& info);

struct BuildRequest {
    Builder builder = Builder::buildkit;
    std::vector<std::string> tags;
    std::string dockerfile;  ///< path in the context
    std::string platform;    ///< "linux/arm64"
    std::map<std::string, std::string> args;
    Proxies proxies{};  ///< arguments that every Dockerfile has, and of which nothing stays in the image
    std::map<std::string, std::string> labels;
    bool no_cache = false;
};

/// A piece of the answer to a build, in the order of arrival.
struct BuildEvent {
    enum class Kind { text, trace };
    Kind kind = Kind::text;
    std::string bytes;  ///< text: what the classic builder or podman prints; trace: a moby.buildkit.v1.StatusResponse
};

struct BuildOutcome {
    std::string image_id;          ///< empty: there is none
    std::string error;             ///< empty: none was reported
    std::optional<int> exit_code;  ///< of the failed command, where the engine tells
};

/// How a command in a container ended.
struct CommandOutcome {
    int exit_code = 0;
    std::string output;
};

/// How long an engine may send nothing of an archive. One that exports an image first writes all of it to its disk. (A
/// build has no such limit: compiling may be silent for hours.)
struct IdleLimits {
    std::chrono::seconds archive{60};
    std::chrono::seconds exported{600};
};

class Engine {
public:
    /// Speaks to what `ping` found. Too old is Fault::failed.
    Engine(io::HttpClient& http, Endpoint endpoint, Identity identity);
    Engine(io::HttpClient& http, const Endpoint& endpoint) : Engine(http, endpoint, ping(http, endpoint)) {}

    const Endpoint& endpoint() const noexcept { return endpoint_; }
    const Identity& identity() const noexcept { return identity_; }
    void set_idle_limits(const IdleLimits& limits) noexcept { limits_ = limits; }
    const std::stop_token& stop() const noexcept { return http_.stop(); }
    Info info();

    std::optional<ImageInfo> find_image(const std::string& name);
    /// Bytes of the steps that the image was made of, the last one first; steps that made no layer have none.
    std::vector<std::uint64_t> history_sizes(const std::string& name);
    /// The names, with tags, of images that have one like `pattern`, in which "*" stands for anything but "/".
    std::vector<std::string> image_tags(const std::string& pattern);
    /// Removes a name from an image, also when we have been asked to stop. Whether it works is not told.
    void untag(const oci::Reference& other) noexcept;
    /// Brings the image to the engine. `registry_auth` as `registry_auth()` makes it, or empty.
    void pull(const oci::Reference& image, const std::string& platform, const Secret& registry_auth,
              Progress& progress);
    /// The value of X-Registry-Auth: base64url of JSON. podman takes neither of the tokens.
    static Secret registry_auth(const std::string& username, const Secret& password, const Secret& identity_token,
                                const Secret& registry_token);
    /// Makes an image, without a name and for the engine's own machine, of the files in a tar; its ID.
    std::string import_image(const io::Body& files);
    /// Removes one, also when we have been asked to stop. Whether it works is not told.
    void remove_image(const std::string& id) noexcept;
    /// The archive that `docker save` writes; of one platform alone ("linux/arm64") where one is named and the engine
    /// can, since of an image of several containerd's store may have only some.
    io::SourcePtr export_image(const std::string& name, std::string_view platform = {});

    /// Sends the context, passes on what the engine tells, and returns how it ended. When the connection breaks, or we
    /// are asked to stop, the engine (not podman) ends the build.
    BuildOutcome build(const BuildRequest& request, const io::Body& context,
                       const std::function<void(const BuildEvent&)>& listener);
    /// Runs a short command in a container of an image, as nobody, without capabilities, network or a place to write;
    /// the container is removed. One that cannot be started is Fault::failed. `machine` has the cgroups of the engine's
    /// machine at /cgroup, and in its own names.
    enum class Sees { itself, machine };
    CommandOutcome run_command(const std::string& image, const std::vector<std::string>& command,
                               Sees sees = Sees::itself);

private:
    friend class Containers;
    friend class FolderReader;
    class Removal;
    std::string create_container(const std::string& settings, const std::string& name = {});
    /// nullptr when the path is not there.
    io::SourcePtr open_archive(const std::string& container, const std::string& path, const std::string& what);
    io::HttpResponse send(io::HttpClient& http, const std::string& method, const std::string& path,
                          io::HttpRequest extra = {});
    io::HttpResponse send(const std::string& method, const std::string& path) { return send(http_, method, path); }
    /// For what an engine that is well answers at once.
    io::HttpResponse ask(const std::string& path);

    io::HttpClient& http_;
    io::HttpClient cleanup_;  // goes on when everything else has been asked to stop
    Endpoint endpoint_;
    Identity identity_;
    IdleLimits limits_;
};

}  // namespace wasmx::engine
