// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>

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
                engine_.send(engine_.cleanup_, "DELETE", fmt::format("/containers/{}?force=1&v=1", container_));
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

// Whoever makes the container, so that it is known for forgotten when that process is no more; of one that has ended,
// and of no other by its number, nothing. (proc(5), /proc/pid/stat: starttime)
std::string mark_of(std::string_view process) {
    constexpr std::size_t start_after_name = 20;
    const std::string stat = text_of_file(fmt::format("/proc/{}/stat", process));
    const auto words = split(std::string_view(stat).substr(std::min(stat.rfind(')'), stat.size())), ' ');
    return words.size() > start_after_name ? fmt::format("{}:{}", process, words[start_after_name]) : std::string();
}

bool is_forgotten(const std::string& mark) {
    const auto process = parse_number(std::string_view(mark).substr(0, mark.find(':')));
    return process && mark_of(std::to_string(*process)) != mark;
}

// The command is asked for but never run, so it need not exist.
nlohmann::json reader_of(const std::string& image) {
    return {{"Image", image}, {"Cmd", {"none"}}, {"NetworkDisabled", true}};
}

}  // namespace

void Engine::copy_out(const std::string& image, const std::string& path,
                      const std::function<void(io::TarReader&)>& take) {
    const std::string id = create_container(reader_of(image).dump());
    const Removal removal(*this, id);
    const std::string archive = fmt::format("/containers/{}/archive?path={}", id, io::percent_encoded(path));
    io::HttpResponse response = send("GET", archive);
    if (response.status == 404) throw Error(Fault::not_found, fmt::format("the image has no {}", path));
    if (response.status != 200) throw refused(response, "GET", archive);
    io::TarReader reader(*response.body);
    take(reader);
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
        const std::string archive = fmt::format("/containers/{}/archive?path=/{}/.", id, i);
        io::HttpResponse response = send("GET", archive);
        if (response.status != 200) throw refused(response, "GET", archive);
        if (!take(i, *response.body)) break;
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
            if (is_forgotten(container.at("Labels").at(reader_label).get<std::string>()))
                const Removal removal(*this, container.at("Id").get<std::string>());
    } catch (...) {  // a container too many does no harm
    }
}

CommandOutcome Engine::run_command(const std::string& image, const std::vector<std::string>& command) {
    constexpr std::uint64_t most_output = 1 << 20;
    const nlohmann::json wanted{{"Image", image},
                                {"Entrypoint", {command.front()}},
                                {"Cmd", std::vector<std::string>(command.begin() + 1, command.end())},
                                {"NetworkDisabled", true},
                                {"Tty", true},  // else the output comes in frames
                                {"HostConfig", {{"NetworkMode", "none"}}}};
    const std::string id = create_container(wanted.dump());
    const Removal removal(*this, id);
    const io::HttpRequest bounded{.idle_limit = std::chrono::seconds(30)};
    const std::string start = fmt::format("/containers/{}/start", id);
    io::HttpResponse started = send(http_, "POST", start, bounded);
    if (started.status != 204) throw refused(started, "POST", start);
    const std::string wait = fmt::format("/containers/{}/wait", id);
    io::HttpResponse waited = send(http_, "POST", wait, bounded);
    const auto ended = expect_json(waited, "POST", wait);
    CommandOutcome out;
    out.exit_code = reading_answer(wait, [&] { return ended.at("StatusCode").get<int>(); });
    const std::string logs = fmt::format("/containers/{}/logs?stdout=1&stderr=1", id);
    io::HttpResponse written = send(http_, "GET", logs, bounded);
    if (written.status != 200) throw refused(written, "GET", logs);
    out.output = io::read_all(*written.body, most_output);
    return out;
}

}  // namespace wasmx::engine
