// SPDX-License-Identifier: Apache-2.0
#include "engine/engine.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.hpp"
#include "engine/answer.hpp"

namespace wasmx::engine {

namespace {

// 1.40 is BuildKit's first; 1.51 the newest that was tried. (docs.docker.com/reference/api/engine/version-history)
constexpr int oldest_minor = 40;
constexpr int newest_minor = 51;

constexpr std::chrono::seconds answer_limit{30};
constexpr std::size_t longest_path = 107;  // of a socket: sockaddr_un has 108 bytes (unix(7))

// "1.41" → 41; nothing else than major 1 exists.
std::optional<int> minor_of(std::string_view version) {
    if (!version.starts_with("1.") || version.size() < 3 || version.size() > 5) return std::nullopt;
    int minor = 0;
    for (const char c : version.substr(2)) {
        if (c < '0' || c > '9') return std::nullopt;
        minor = minor * 10 + (c - '0');
    }
    return minor;
}

Error unreachable(const Endpoint& endpoint) {
    struct stat status {};
    const std::string what = fmt::format("{} ({})", endpoint.socket, endpoint.origin);
    if (::stat(endpoint.socket.c_str(), &status) != 0) {
        const int reason = errno;
        if (reason == EACCES)
            return {Fault::denied,
                    fmt::format("no right to look for the engine's socket {}: {}", what, std::strerror(reason)),
                    "it stands in a folder of another user: run as that user or as root, or name another with --host"};
        return {Fault::unavailable, fmt::format("no engine at {}: {}", what, std::strerror(reason)),
                "start the engine (`systemctl start docker`), or name its socket with --host or DOCKER_HOST"};
    }
    if (!S_ISSOCK(status.st_mode))
        return {Fault::config, fmt::format("{} is no socket", what), "name the engine's socket with --host"};
    if (::access(endpoint.socket.c_str(), R_OK | W_OK) != 0)
        return {
            Fault::denied, fmt::format("no right to use the engine's socket {}", what),
            "run as root or as a member of the group that owns it: `sudo usermod -aG docker $USER`, then log in again"};
    return {Fault::unavailable, fmt::format("nobody answers at {}: the socket is there, its engine is not", what),
            "start the engine (`systemctl start docker`)"};
}

}  // namespace

Identity ping(io::HttpClient& http, const Endpoint& endpoint) {
    if (endpoint.socket.size() > longest_path)
        throw Error(Fault::config,
                    fmt::format("the path {} ({}) is too long for a socket: {} bytes, and {} are possible",
                                endpoint.socket, endpoint.origin, endpoint.socket.size(), longest_path),
                    "make a link with a shorter path, and name that");
    io::HttpResponse pong;
    try {
        pong = http.send({.method = "GET",
                          .url = "http://docker/_ping",
                          .headers = {},
                          .secret_headers = {},
                          .body = {},
                          .unix_socket = endpoint.socket,
                          .idle_limit = std::chrono::seconds(10)});
    } catch (const io::TransportError& error) {
        if (error.kind() == io::TransportError::Kind::connect) throw unreachable(endpoint);
        throw;
    }
    const std::string body = io::read_all(*pong.body, io::chunk_size);
    const auto version = pong.find_header("Api-Version");
    if (pong.status != 200 || !version)
        throw Error(Fault::unavailable,
                    fmt::format("{} does not answer like a container engine (HTTP {}: {})", endpoint.socket,
                                pong.status, printable(std::string_view(body).substr(0, 200))));
    Identity out;
    out.newest_api = printable(*version);
    if (const auto minor = minor_of(*version); minor && *minor >= oldest_minor)
        out.api_version = fmt::format("1.{}", std::min(*minor, newest_minor));
    out.podman = pong.find_header("Libpod-Api-Version").has_value();
    // Docker 20.10 has BuildKit and recommends no builder; an engine configured for the classic one says "1".
    out.buildkit = !out.podman && pong.find_header("Builder-Version").value_or("2") != "1";
    return out;
}

Engine::Engine(io::HttpClient& http, Endpoint endpoint, Identity identity)
    : http_(http),
      cleanup_(std::stop_token(), "wasmx-image"),
      endpoint_(std::move(endpoint)),
      identity_(std::move(identity)) {
    if (identity_.api_version.empty())
        throw Error(
            Fault::failed,
            fmt::format("the engine speaks API {}, the oldest we know is 1.{}", identity_.newest_api, oldest_minor),
            "upgrade the engine: Docker 20.10 or later");
}

io::HttpResponse Engine::send(io::HttpClient& http, const std::string& method, const std::string& path,
                              io::HttpRequest request) {
    request.method = method;
    // podman's own API has versions of its own, which then stand in the path.
    request.url = path.starts_with("/v4.") ? "http://docker" + path
                                           : fmt::format("http://docker/v{}{}", identity_.api_version, path);
    request.unix_socket = endpoint_.socket;
    // Nobody can stop these, so they stop by themselves.
    if (&http == &cleanup_) request.idle_limit = std::chrono::seconds(30);
    io::HttpResponse response = http.send(request);
    // Whatever was asked for: also the words of an engine that no longer speaks our version.
    if (response.status == 400) throw refused(response, method, path);
    return response;
}

io::HttpResponse Engine::ask(const std::string& path) { return send(http_, "GET", path, {.idle_limit = answer_limit}); }

Info Engine::info() {
    io::HttpResponse response = ask("/info");
    const auto json = expect_json(response, "GET", "/info");
    return reading_answer("/info", [&] {
        Info out;
        out.name = text_of(json, "Name");
        out.version = text_of(json, "ServerVersion");
        out.os = text_of(json, "OSType");
        out.architecture = text_of(json, "Architecture");
        out.memory = json.value("MemTotal", std::uint64_t{0});
        out.processors = json.value("NCPU", std::uint64_t{0});
        out.kernel = text_of(json, "KernelVersion");
        out.root = text_of(json, "DockerRootDir");
        out.storage_driver = text_of(json, "Driver");
        out.can_limit_processors = json.value("CPUSet", false);
        if (const auto status = json.find("DriverStatus"); status != json.end() && status->is_array()) {
            for (const auto& row : *status)
                if (row.is_array() && row.size() == 2 && row[0] == "driver-type" &&
                    row[1] == "io.containerd.snapshotter.v1")
                    out.containerd_store = true;
        }
        // "name=seccomp,profile=default"
        if (const auto options = json.find("SecurityOptions"); options != json.end() && options->is_array())
            out.seccomp = std::any_of(options->begin(), options->end(), [](const nlohmann::json& option) {
                const std::string text = option.is_string() ? option.get<std::string>() : std::string();
                return text.starts_with("name=seccomp") && text.find("profile=unconfined") == std::string::npos;
            });
        return out;
    });
}

oci::Platform Info::platform() const {
    if (os != "linux")
        throw Error(Fault::failed,
                    fmt::format("the engine runs {} containers; the packaged runtimes are for linux", os),
                    "use an engine that runs Linux containers");
    if (const auto known = oci::Platform::from_architecture(architecture)) return *known;
    throw Error(Fault::failed,
                fmt::format("the engine's machine is {}, for which there is no packaged runtime", architecture));
}

}  // namespace wasmx::engine
