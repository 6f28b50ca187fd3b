// SPDX-License-Identifier: Apache-2.0
#include "engine/locate.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <vector>

#include "base/error.hpp"
#include "base/text.hpp"
#include "io/file.hpp"
#include "io/json.hpp"

namespace wasmx::engine {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view start_hint =
    "start one (`systemctl start docker`), or name its socket: --host unix:///path/to/docker.sock";

Endpoint endpoint_from(const std::string& host, const std::string& origin) {
    constexpr std::string_view scheme = "unix://";
    if (host.starts_with(scheme) && host.size() > scheme.size()) return {host.substr(scheme.size()), origin};
    const auto separator = host.find("://");
    const std::string kind = separator == std::string::npos ? std::string() : host.substr(0, separator + 3);
    if (kind == "tcp://" || kind == "ssh://" || kind == "http://" || kind == "https://")
        throw Error(Fault::config,
                    fmt::format("{} names an engine by {}, which this version does not speak", origin, kind),
                    "run wasmx-image on the engine's machine, or forward its socket: "
                    "ssh -L /tmp/docker.sock:/var/run/docker.sock HOST, then --host unix:///tmp/docker.sock");
    throw Error(Fault::config, fmt::format("{} is no engine's address: \"{}\"", origin, printable_url(host)),
                "an address looks like unix:///var/run/docker.sock");
}

fs::path docker_folder() {
    const std::string folder = environment("DOCKER_CONFIG");
    return folder.empty() ? io::home_folder() / ".docker" : fs::path(folder);
}

// A context's files are below a folder named by the sha256 of its name (docker/cli, cli/context/store).
Endpoint endpoint_of_context(const std::string& name, const std::string& from) {
    const std::string origin = fmt::format("docker context \"{}\" ({})", name, from);
    const fs::path meta = docker_folder() / "contexts" / "meta" / io::sha256(name).hex() / "meta.json";
    const auto text = io::find_file(meta);
    if (!text)
        throw Error(Fault::config, fmt::format("{} does not exist", origin),
                    "`docker context ls` lists those there are");
    try {
        return endpoint_from(io::parse_json(*text).at("Endpoints").at("docker").at("Host").get<std::string>(), origin);
    } catch (const nlohmann::json::exception& error) {
        throw Error(Fault::config, fmt::format("{} is no context: {}", meta.string(), printable(error.what())));
    }
}

// An empty object where there is none. The docker program warns of a file that it cannot read and goes on without it;
// who looks for credentials in it warns here. (docker/cli, cli/config/config.go: LoadDefaultConfigFile)
nlohmann::json docker_config() {
    const auto none = nlohmann::json::object();
    if (!io::find_home_folder() && environment("DOCKER_CONFIG").empty()) return none;
    try {
        const auto text = io::find_file(docker_folder() / "config.json");
        const auto json = text ? io::try_parse_json(*text) : none;
        return json.is_object() ? json : none;
    } catch (const Error&) {
        return none;
    }
}

std::string text_in(const nlohmann::json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string current_context() { return text_in(docker_config(), "currentContext"); }

std::string upper(std::string text) {
    for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return text;
}

std::vector<Endpoint> usual_sockets() {
    std::vector<Endpoint> out{{"/var/run/docker.sock", "default socket"}};
    // Unset after su, and in cron jobs; systemd's folder is there all the same. (pam_systemd(8))
    const std::string named = environment("XDG_RUNTIME_DIR");
    const std::string runtime = named.empty() ? fmt::format("/run/user/{}", ::geteuid()) : named;
    out.push_back({runtime + "/docker.sock", "rootless Docker"});
    if (const auto home = io::find_home_folder())
        out.push_back({(*home / ".docker/run/docker.sock").string(), "Docker Desktop"});
    out.push_back({runtime + "/podman/podman.sock", "rootless podman"});
    out.push_back({"/run/podman/podman.sock", "podman"});
    return out;
}

bool is_socket(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);
}

}  // namespace

Proxies proxies_for(const Endpoint& endpoint, ProxyEnvironment environment_use) {
    Proxies out;
    const auto add = [&](const std::string& name, const std::string& value) {
        if (value.empty()) return;
        for (const std::string& spelling : {upper(name), name}) {
            std::erase_if(out, [&](const auto& row) { return row.first == spelling; });
            out.emplace_back(spelling, Secret(value));
        }
    };
    const auto config = docker_config();
    const auto all = config.find("proxies");
    if (all != config.end() && all->is_object()) {
        auto found = all->find("unix://" + endpoint.socket);
        if (found == all->end()) found = all->find("default");
        if (found != all->end() && found->is_object())
            for (const auto& [key, name] : {std::pair{"httpProxy", "http_proxy"},
                                            std::pair{"httpsProxy", "https_proxy"}, std::pair{"ftpProxy", "ftp_proxy"},
                                            std::pair{"noProxy", "no_proxy"}, std::pair{"allProxy", "all_proxy"}})
                add(name, text_in(*found, key));
    }
    if (environment_use == ProxyEnvironment::use)
        for (const std::string name : {"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"}) {
            const std::string lower_case = environment(name.c_str());
            add(name, lower_case.empty() ? environment(upper(name).c_str()) : lower_case);
        }
    return out;
}

Endpoint locate(const std::string& host) {
    if (!host.empty()) return endpoint_from(host, "--host");
    if (const std::string named = environment("DOCKER_HOST"); !named.empty())
        return endpoint_from(named, "DOCKER_HOST");
    if (const std::string name = environment("DOCKER_CONTEXT"); !name.empty() && name != "default")
        return endpoint_of_context(name, "DOCKER_CONTEXT");
    if (environment("DOCKER_CONTEXT").empty()) {
        if (const std::string name = current_context(); !name.empty() && name != "default")
            return endpoint_of_context(name, "current context");
    }
    std::string tried;
    for (const Endpoint& endpoint : usual_sockets()) {
        if (is_socket(endpoint.socket)) return endpoint;
        tried += (tried.empty() ? "" : ", ") + endpoint.socket;
    }
    throw Error(Fault::unavailable, fmt::format("there is no container engine here; tried {}", tried),
                std::string(start_hint));
}

}  // namespace wasmx::engine
