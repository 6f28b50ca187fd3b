// SPDX-License-Identifier: Apache-2.0
#include "engine/container.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "engine/answer.hpp"
#include "engine/owner.hpp"

namespace wasmx::engine {

namespace {

constexpr std::chrono::seconds answer_limit{60};

io::HttpRequest with_json(const nlohmann::json& body) {
    return {.method = {},
            .url = {},
            .headers = {{"Content-Type", "application/json"}},
            .secret_headers = {},
            .body = io::body_of(body.dump()),
            .unix_socket = {},
            .idle_limit = answer_limit};
}

// Docker says 409; podman 4 says 500 and the words.
bool is_name_conflict(int status, const std::string& message) {
    return status == 409 || message.find("already in use") != std::string::npos;
}

// Of a row of GET /containers/json; empty: it is none of these.
std::string mark_of(const nlohmann::json& row) {
    if (const auto labels = row.find("Labels"); labels != row.end() && labels->is_object())
        if (std::string mark = text_of(*labels, reader_label); !mark.empty()) return mark;
    const auto names = row.find("Names");
    if (names == row.end() || !names->is_array() || names->empty() || !names->front().is_string()) return {};
    return std::string(mark_in(names->front().get_ref<const std::string&>()));
}

std::uint64_t number_at(const nlohmann::json& json, const char* pointer) {
    const nlohmann::json::json_pointer at(pointer);
    return json.contains(at) && json.at(at).is_number_unsigned() ? json.at(at).get<std::uint64_t>() : 0;
}

bool has_variable(const std::vector<std::string>& environment, std::string_view name) {
    return std::any_of(environment.begin(), environment.end(), [&](const std::string& row) {
        return row.starts_with(name) && row.substr(name.size()).starts_with('=');
    });
}

std::string label_filter(std::string_view key, const std::string& value) {
    return io::percent_encoded(nlohmann::json{{std::string(key), {value}}}.dump());
}

/// The engine's log: frames of a header of 8 bytes (stream, 0, 0, 0, big-endian length) and that many bytes. (Engine
/// API, POST /containers/{id}/attach, "Stream format")
class LogFrames {
public:
    explicit LogFrames(io::Source& source) : source_(source) {}

    /// Bytes of one stream, as they arrive; false at the end.
    bool next(std::string_view& bytes, Progress::Stream& stream) {
        while (left_ == 0) {
            std::array<std::byte, 8> header{};
            for (std::size_t have = 0; have < header.size();) {
                const std::size_t count = source_.read(std::span(header).subspan(have));
                if (count == 0) return false;
                have += count;
            }
            stream_ = header[0] == std::byte{2} ? Progress::Stream::err : Progress::Stream::out;
            for (std::size_t i = 4; i < header.size(); ++i)
                left_ = left_ << 8 | std::to_integer<std::size_t>(header[i]);
        }
        const std::size_t count = source_.read(std::span(buffer_).first(std::min(left_, buffer_.size())));
        if (count == 0) return false;
        left_ -= count;
        bytes = io::text_of(std::span(buffer_).first(count));
        stream = stream_;
        return true;
    }

private:
    io::Source& source_;
    std::array<std::byte, 16384> buffer_{};
    std::size_t left_ = 0;
    Progress::Stream stream_ = Progress::Stream::out;
};

ContainerState state_in(const nlohmann::json& json) {
    ContainerState out;
    out.id = text_of(json, "Id");
    out.name = text_of(json, "Name");
    if (out.name.starts_with('/')) out.name.erase(0, 1);
    const auto& state = json.at("State");
    out.status = text_of(state, "Status");
    out.exit_code = state.value("ExitCode", 0);
    out.oom_killed = state.value("OOMKilled", false);
    out.error = text_of(state, "Error");
    out.started_at = text_of(state, "StartedAt");
    out.finished_at = text_of(state, "FinishedAt");
    if (const auto& labels = json.at("Config").at("Labels"); labels.is_object())
        out.labels = labels.get<std::map<std::string, std::string>>();
    return out;
}

}  // namespace

std::optional<std::string> Containers::create(const RunSettings& settings) {
    nlohmann::json host{
        {"Mounts", {{{"Type", "volume"}, {"Source", settings.volume}, {"Target", settings.volume_target}}}},
        // The engine's default driver may keep nothing.
        {"LogConfig", {{"Type", engine_.identity().podman ? "k8s-file" : "json-file"}}}};
    for (const auto& [name, limit] : {std::pair{"nofile", settings.file_limit}, {"nproc", settings.process_limit}})
        if (limit > 0) host["Ulimits"].push_back({{"Name", name}, {"Soft", limit}, {"Hard", limit}});
    if (settings.processors > 0) host["CpusetCpus"] = fmt::format("0-{}", settings.processors - 1);
    if (settings.memory > 0) {
        host["Memory"] = settings.memory;
        host["MemorySwap"] = settings.memory;
    }
    std::vector<std::string> environment;
    for (const auto& [name, value] : settings.environment)
        environment.push_back(fmt::format("{}={}", name, value.reveal()));
    const nlohmann::json body{{"Image", settings.image},
                              {"Entrypoint", {settings.command.front()}},
                              {"Cmd", std::vector<std::string>(settings.command.begin() + 1, settings.command.end())},
                              {"User", "0:0"},
                              {"WorkingDir", "/"},
                              {"Healthcheck", {{"Test", {"NONE"}}}},
                              {"Env", environment},
                              {"Labels", settings.labels},
                              {"HostConfig", host}};
    std::string path = "/containers/create?name=" + io::percent_encoded(settings.name);
    // podman takes the image's own.
    if (!settings.platform.empty() && !engine_.identity().podman)
        path += "&platform=" + io::percent_encoded(settings.platform);
    io::HttpResponse response = engine_.send(engine_.http_, "POST", path, with_json(body));
    if (response.status != 201) {
        Error error = refused(response, "POST", path);
        if (is_name_conflict(response.status, error.message())) return std::nullopt;
        throw std::move(error);
    }
    return text_of(expect_json(response, "POST", path), "Id");
}

// podman adds variables of its own, which a commit would keep; only its own API can leave them out.
std::string Containers::create_from(const ImageInfo& image, const std::map<std::string, std::string>& labels,
                                    const std::string& name) {
    if (!engine_.identity().podman) {
        nlohmann::json body{{"Image", image.id}, {"Labels", labels}, {"HostConfig", {{"NetworkMode", "none"}}}};
        // The engine makes no container that has nothing to run; this is not run, and taken out of the image again.
        if (image.inherited.has_no_command) body["Cmd"] = {"none"};
        const std::string path = "/containers/create?name=" + name;
        io::HttpResponse response = engine_.send(engine_.http_, "POST", path, with_json(body));
        return text_of(expect_json(response, "POST", path), "Id");
    }
    nlohmann::json body{{"name", name},
                        {"image", image.id.substr(image.id.find(':') + 1)},
                        {"labels", labels},
                        {"netns", {{"nsmode", "none"}}}};
    if (image.inherited.has_no_command) body["command"] = {"none"};
    for (const std::string_view variable : {"PATH", "TERM", "container"})
        if (!has_variable(image.inherited.environment, variable)) body["unsetenv"].push_back(variable);
    const std::string path = "/v4.0.0/libpod/containers/create";
    io::HttpResponse response = engine_.send(engine_.http_, "POST", path, with_json(body));
    return text_of(expect_json(response, "POST", path), "Id");
}

std::string Containers::add_layer(const ImageInfo& image, const io::Body& archive,
                                  const std::map<std::string, std::string>& labels, const oci::Reference& tag,
                                  const std::string& comment) {
    const Removal container(*this, create_from(image, labels, owned_name("layer")));
    const std::string& id = container.id();
    const std::string put = container_path(id) + "/archive?path=%2F";
    io::HttpRequest request{.method = {},
                            .url = {},
                            .headers = {{"Content-Type", "application/x-tar"}},
                            .secret_headers = {},
                            .body = archive,
                            .unix_socket = {}};
    io::HttpResponse written = engine_.send(engine_.http_, "PUT", put, std::move(request));
    if (written.status != 200) throw refused(written, "PUT", put);
    io::drain(*written.body);
    std::string commit = fmt::format("/commit?container={}&repo={}&tag={}&pause=0&comment={}", id,
                                     io::percent_encoded(tag.familiar_name()),
                                     io::percent_encoded(tag.tag().value_or("latest")), io::percent_encoded(comment));
    if (image.inherited.has_no_command) commit += "&changes=" + io::percent_encoded("CMD []");
    io::HttpResponse response = engine_.send(engine_.http_, "POST", commit, with_json(nlohmann::json::object()));
    std::string made = text_of(expect_json(response, "POST", commit), "Id");
    if (made.find(':') == std::string::npos) made = "sha256:" + made;  // podman
    (void)Digest::parse(made);
    return made;
}

std::string Containers::create_idle(const std::string& image) {
    const auto info = engine_.find_image(image);
    if (!info) throw Error(Fault::not_found, fmt::format("the engine has no image {}", image));
    return create_from(*info, {}, owned_name("layer"));
}

void Containers::start(const std::string& id) {
    const std::string path = container_path(id) + "/start";
    io::HttpResponse response = engine_.send(engine_.http_, "POST", path, {.idle_limit = answer_limit});
    if (response.status != 204 && response.status != 304)
        throw refused(response, "POST", path);  // 304: it runs already
    io::drain(*response.body);
}

std::optional<ContainerState> Containers::find(const std::string& name) {
    const std::string path = container_path(name) + "/json";
    io::HttpResponse response = engine_.send(engine_.http_, "GET", path, {.idle_limit = answer_limit});
    if (response.status == 404) return std::nullopt;
    const auto json = expect_json(response, "GET", path);
    return reading_answer(path, [&] { return state_in(json); });
}

std::vector<ContainerState> Containers::list(const std::string& label) {
    const std::string path = "/containers/json?all=1&filters=" + label_filter("label", label);
    io::HttpResponse response = engine_.send(engine_.http_, "GET", path, {.idle_limit = answer_limit});
    const auto json = expect_json(response, "GET", path);
    std::vector<ContainerState> out;
    for (const auto& row : json)
        if (auto state = find(text_of(row, "Id"))) out.push_back(*std::move(state));
    return out;
}

void Containers::log(const std::string& id, std::string_view follow, std::uint64_t skip, const TakeLog& take,
                     std::stop_token stop) {
    const std::string path = fmt::format("{}/logs?follow={}&stdout=1&stderr=1", container_path(id), follow);
    io::HttpResponse response = engine_.send(engine_.http_, "GET", path, {.stop = std::move(stop)});
    if (response.status != 200) throw refused(response, "GET", path);
    LogFrames frames(*response.body);
    std::string_view bytes;
    Progress::Stream stream = Progress::Stream::out;
    while (frames.next(bytes, stream)) {
        const std::size_t known = std::min<std::uint64_t>(skip, bytes.size());
        skip -= known;
        if (known < bytes.size()) take(bytes.substr(known), stream);
    }
}

std::optional<Usage> Containers::usage(const std::string& id) {
    const std::string path = container_path(id) + "/stats?stream=false&one-shot=true";
    io::HttpResponse response = engine_.send(engine_.http_, "GET", path, {.idle_limit = answer_limit});
    if (response.status != 200) return std::nullopt;
    const auto json = expect_json(response, "GET", path);
    Usage out;
    out.memory = number_at(json, "/memory_stats/usage");
    // As `docker stats` counts. (cgroups(7), memory.stat of version 2 and 1)
    const std::uint64_t cache = std::max(number_at(json, "/memory_stats/stats/inactive_file"),
                                         number_at(json, "/memory_stats/stats/total_inactive_file"));
    out.memory -= std::min(cache, out.memory);
    out.processors = std::chrono::nanoseconds(number_at(json, "/cpu_stats/cpu_usage/total_usage"));
    if (out.memory == 0) return std::nullopt;
    return out;
}

std::string Containers::last_line(const std::string& id) {
    const std::string path = container_path(id) + "/logs?stdout=1&stderr=1&tail=1";
    io::HttpResponse response = engine_.send(engine_.http_, "GET", path, {.idle_limit = answer_limit});
    if (response.status != 200) return {};
    constexpr std::size_t longest = 4096;
    std::string out;
    LogFrames frames(*response.body);
    std::string_view bytes;
    Progress::Stream stream = Progress::Stream::out;
    while (out.size() < longest && frames.next(bytes, stream)) out += bytes;
    return printable(trim(out));
}

bool Containers::stop(const std::string& id, std::chrono::seconds grace) {
    const std::string path = fmt::format("{}/stop?t={}", container_path(id), grace.count());
    io::HttpResponse response = engine_.send(engine_.cleanup_, "POST", path);
    if (response.status == 304 || response.status == 404) return false;
    if (response.status != 204) throw refused(response, "POST", path);
    return true;
}

void Containers::remove(const std::string& id) noexcept {
    try {
        io::HttpResponse response = engine_.send(engine_.cleanup_, "DELETE", container_path(id) + "?force=1&v=1");
        io::drain(*response.body);
    } catch (...) {  // the next build removes it
    }
}

void Containers::remove_forgotten() noexcept {
    try {
        const std::string path = "/containers/json?all=1";
        io::HttpResponse response = engine_.send(engine_.cleanup_, "GET", path);
        for (const auto& row : expect_json(response, "GET", path)) {
            const std::string mark = mark_of(row);
            if (!mark.empty() && has_owner_ended(mark, row.at("Created").get<std::int64_t>()))
                remove(row.at("Id").get<std::string>());
        }
    } catch (...) {  // a container too many does no harm
    }
}

io::SourcePtr Containers::open_file(const std::string& id, const std::string& path) {
    struct Member final : io::Source {
        explicit Member(io::SourcePtr archive) : archive_(std::move(archive)), reader_(*archive_) {}
        std::size_t read(std::span<std::byte> buffer) override { return reader_.read(buffer); }
        io::SourcePtr archive_;
        io::TarReader reader_;
    };
    auto archive = engine_.open_archive(id, path, path);
    if (!archive) throw Error(Fault::not_found, fmt::format("the container has no {}", path));
    auto member = std::make_unique<Member>(std::move(archive));
    const auto entry = member->reader_.next();
    if (!entry || entry->type != io::TarEntry::Type::file)
        throw Error(Fault::integrity, fmt::format("{} is not a file", path));
    return member;
}

std::vector<Volume> Containers::volumes(const std::string& prefix) {
    const std::string path = "/system/df?type=volume";
    io::HttpResponse response = engine_.send("GET", path);
    const auto json = expect_json(response, "GET", path);
    return reading_answer(path, [&] {
        std::vector<Volume> out;
        const auto rows = json.find("Volumes");
        if (rows == json.end() || !rows->is_array()) return out;
        for (const auto& row : *rows) {
            Volume volume{.name = text_of(row, "Name"), .created_at = text_of(row, "CreatedAt")};
            if (!volume.name.starts_with(prefix)) continue;
            if (const auto usage = row.find("UsageData"); usage != row.end() && usage->is_object()) {
                const auto size = usage->value("Size", std::int64_t{-1});
                if (size >= 0) volume.size = static_cast<std::uint64_t>(size);
            }
            out.push_back(std::move(volume));
        }
        return out;
    });
}

void Containers::make_volume(const std::string& name, const std::string& label) {
    const std::string path = "/volumes/create";
    const nlohmann::json body{{"Name", name}, {"Labels", {{label, "1"}}}};
    io::HttpResponse response = engine_.send(engine_.http_, "POST", path, with_json(body));
    if (response.status == 409) return;
    if (response.status < 200 || response.status > 299) {
        const Error error = refused(response, "POST", path);
        if (error.message().find("already exists") == std::string::npos) throw error;  // podman
        return;
    }
    io::drain(*response.body);
}

void Containers::remove_volume(const std::string& name) {
    const std::string path = "/volumes/" + io::percent_encoded(name);
    io::HttpResponse response = engine_.send(engine_.http_, "DELETE", path, {.idle_limit = std::chrono::minutes(10)});
    if (response.status != 204 && response.status != 404) throw refused(response, "DELETE", path);
    io::drain(*response.body);
}

}  // namespace wasmx::engine
