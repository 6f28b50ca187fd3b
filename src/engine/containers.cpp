// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <filesystem>

#include "base/text.hpp"
#include "engine/answer.hpp"
#include "engine/capacity.hpp"
#include "engine/engine.hpp"

namespace wasmx::engine {

std::string Engine::create_container(const std::string& settings) {
    io::HttpRequest create{.method = {},
                           .url = {},
                           .headers = {{"Content-Type", "application/json"}},
                           .secret_headers = {},
                           .body = io::body_of(settings),
                           .unix_socket = {},
                           .idle_limit = std::chrono::seconds(60)};
    io::HttpResponse created = send(http_, "POST", "/containers/create", std::move(create));
    std::string id = text_of(expect_json(created, "POST", "/containers/create"), "Id");
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

namespace {

// What tells a container that only reads from all others: whose it is.
constexpr std::string_view reader_label = "wasmx-image.reader";

// An engine has clients on other machines and in other containers, where the number of a process means another one:
// "<boot>/<PID namespace>/". Empty where the kernel does not tell. (random(4), boot_id; namespaces(7))
const std::string& place() {
    static const std::string here = [] {
        const std::string boot(trim(text_of_file("/proc/sys/kernel/random/boot_id")));
        std::error_code ignored;
        const std::string processes = std::filesystem::read_symlink("/proc/self/ns/pid", ignored).string();
        return boot.empty() || processes.empty() ? std::string() : fmt::format("{}/{}/", boot, processes);
    }();
    return here;
}

// Of a process that has ended, and of no other by its number, nothing. (proc(5), /proc/pid/stat: starttime)
std::string mark_of(std::string_view process) {
    constexpr std::size_t start_after_name = 20;
    const std::string stat = text_of_file(fmt::format("/proc/{}/stat", process));
    const auto words = split(std::string_view(stat).substr(std::min(stat.rfind(')'), stat.size())), ' ');
    return words.size() > start_after_name && !place().empty()
               ? fmt::format("{}{}:{}", place(), process, words[start_after_name])
               : std::string();
}

// The container of a process that can be seen from here is forgotten when that process is no more; any other when it is
// older than any push.
bool is_forgotten(const nlohmann::json& container) {
    const auto mark = container.at("Labels").at(reader_label).get<std::string>();
    if (!place().empty() && mark.starts_with(place())) {
        const std::string_view process = std::string_view(mark).substr(place().size());
        const auto number = parse_number(process.substr(0, process.find(':')));
        return number && mark_of(std::to_string(*number)) != mark;
    }
    constexpr std::int64_t longest_push = 24 * 3600;
    return container.at("Created").get<std::int64_t>() < ::time(nullptr) - longest_push;
}

// The command is asked for but never run, so it need not exist.
nlohmann::json reader_of(const std::string& image) {
    return {{"Image", image}, {"Cmd", {"none"}}, {"NetworkDisabled", true}};
}

}  // namespace

io::SourcePtr Engine::open_archive(const std::string& container, const std::string& path, const std::string& what) {
    const std::string archive = fmt::format("{}/archive?path={}", container_path(container), io::percent_encoded(path));
    return in_time(what, [&]() -> io::SourcePtr {
        io::HttpResponse response = send(http_, "GET", archive, {.idle_limit = limits_.archive});
        if (response.status == 404) return nullptr;
        if (response.status != 200) throw refused(response, "GET", archive);
        return watched(std::move(response.body), what);
    });
}

std::future<void> Engine::copy_folders(const std::string& image, const std::vector<std::string>& folders,
                                       const std::function<bool(std::size_t, io::Source&)>& take) {
    auto wanted = reader_of(image);
    wanted["Labels"][reader_label] = mark_of(std::to_string(::getpid()));
    for (std::size_t i = 0; i < folders.size(); ++i)
        wanted["HostConfig"]["Mounts"].push_back(
            {{"Type", "bind"}, {"Source", folders[i]}, {"Target", fmt::format("/{}", i)}, {"ReadOnly", true}});
    const std::string id = create_container(wanted.dump());
    auto removal = std::make_unique<Removal>(*this, id);
    for (std::size_t i = 0; i < folders.size(); ++i) {
        const auto body = open_archive(id, fmt::format("/{}/.", i), folders[i]);
        if (!body) throw Error(Fault::not_found, fmt::format("the engine does not give {}", folders[i]));
        if (!take(i, *body)) break;
    }
    return std::async(std::launch::async, [this, removal = std::move(removal)]() mutable {
        removal.reset();
        remove_forgotten_readers();
    });
}

void Engine::remove_forgotten_readers() noexcept {
    try {
        const std::string filters = nlohmann::json{{"label", {reader_label}}, {"status", {"created"}}}.dump();
        const std::string path = "/containers/json?all=1&filters=" + io::percent_encoded(filters);
        io::HttpResponse response = send(cleanup_, "GET", path);
        for (const auto& container : expect_json(response, "GET", path))
            if (is_forgotten(container)) const Removal removal(*this, container.at("Id").get<std::string>());
    } catch (...) {  // a container too many does no harm
    }
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
    const std::string id = create_container(wanted.dump());
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
