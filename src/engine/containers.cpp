// SPDX-License-Identifier: Apache-2.0
#include "base/text.hpp"
#include "engine/answer.hpp"
#include "engine/container.hpp"
#include "engine/owner.hpp"

namespace wasmx::engine {

std::string Engine::create_container(const std::string& settings, const std::string& name) {
    io::HttpRequest create{.method = {},
                           .url = {},
                           .headers = {{"Content-Type", "application/json"}},
                           .secret_headers = {},
                           .body = io::body_of(settings),
                           .unix_socket = {},
                           .idle_limit = std::chrono::seconds(60)};
    const std::string path = name.empty() ? "/containers/create" : "/containers/create?name=" + name;
    io::HttpResponse created = send(http_, "POST", path, std::move(create));
    std::string id = text_of(expect_json(created, "POST", path), "Id");
    if (id.empty()) throw Error(Fault::unavailable, "the engine made a container and does not say which");
    (void)container_path(id);
    return id;
}

/// Removes a container in the end, whatever became of it.
class Engine::Removal {
public:
    Removal(Engine& engine, std::string container) : engine_(engine), container_(std::move(container)) {}
    Removal(const Removal&) = delete;
    Removal& operator=(const Removal&) = delete;
    ~Removal() {
        try {
            io::HttpResponse response =
                engine_.send(engine_.cleanup_, "DELETE", container_path(container_) + "?force=1&v=1");
            io::drain(*response.body);
        } catch (...) {  // it holds no data; the engine may be gone
        }
    }

private:
    Engine& engine_;
    std::string container_;
};

io::SourcePtr Engine::open_archive(const std::string& container, const std::string& path, const std::string& what) {
    const std::string archive = fmt::format("{}/archive?path={}", container_path(container), io::percent_encoded(path));
    return in_time(what, [&]() -> io::SourcePtr {
        io::HttpResponse response = send(http_, "GET", archive, {.idle_limit = limits_.archive});
        if (response.status == 404) return nullptr;
        if (response.status != 200) throw refused(response, "GET", archive);
        return watched(std::move(response.body), what);
    });
}

CommandOutcome Engine::run_command(const std::string& image, const std::vector<std::string>& command, Sees sees) {
    constexpr std::uint64_t most_output = 1 << 20;
    const auto limit = [](const char* name) { return nlohmann::json{{"Name", name}, {"Soft", 256}, {"Hard", 256}}; };
    nlohmann::json wanted{{"Image", image},
                          {"Entrypoint", {command.front()}},
                          {"Cmd", std::vector<std::string>(command.begin() + 1, command.end())},
                          {"User", "65534:65534"},  // nobody, whatever the image calls it
                          {"Healthcheck", {{"Test", {"NONE"}}}},
                          {"NetworkDisabled", true},
                          {"Tty", true},  // else the output comes in frames
                          {"HostConfig",
                           {{"NetworkMode", "none"},
                            {"CapDrop", {"ALL"}},
                            {"SecurityOpt", {"no-new-privileges"}},
                            {"ReadonlyRootfs", true},
                            {"PidsLimit", 16},
                            // podman's defaults are above what it may set where its own limits are capped.
                            {"Ulimits", nlohmann::json::array({limit("nofile"), limit("nproc")})}}}};
    if (sees == Sees::machine) {
        wanted["HostConfig"]["CgroupnsMode"] = "host";
        wanted["HostConfig"]["Mounts"] = {
            {{"Type", "bind"}, {"Source", "/sys/fs/cgroup"}, {"Target", "/cgroup"}, {"ReadOnly", true}}};
    }
    const std::string id = create_container(wanted.dump(), owned_name("probe"));
    const Removal removal(*this, id);
    const io::HttpRequest bounded{.idle_limit = std::chrono::seconds(30)};
    const std::string start = container_path(id) + "/start";
    io::HttpResponse started = send(http_, "POST", start, bounded);
    if (started.status != 204) throw refused(started, "POST", start);
    const std::string wait = container_path(id) + "/wait";
    io::HttpResponse waited = send(http_, "POST", wait, bounded);
    const auto ended = expect_json(waited, "POST", wait);
    CommandOutcome out;
    out.exit_code = reading_answer(wait, [&] { return ended.at("StatusCode").get<int>(); });
    const std::string logs = container_path(id) + "/logs?stdout=1&stderr=1";
    io::HttpResponse written = send(http_, "GET", logs, bounded);
    if (written.status != 200) throw refused(written, "GET", logs);
    out.output = io::read_all(*written.body, most_output);
    return out;
}

}  // namespace wasmx::engine
