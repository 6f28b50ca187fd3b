// SPDX-License-Identifier: Apache-2.0
#include "engine/answer.hpp"

#include "io/json.hpp"
#include "oci/reference.hpp"

namespace wasmx::engine {

namespace {
constexpr std::uint64_t answer_limit = 64 << 20;

class Watched final : public io::Source {
public:
    Watched(io::SourcePtr body, std::string what) : body_(std::move(body)), what_(std::move(what)) {}
    std::size_t read(std::span<std::byte> buffer) override {
        return in_time(what_, [&] { return body_->read(buffer); });
    }

private:
    io::SourcePtr body_;
    std::string what_;
};
}  // namespace

std::string image_path(const std::string& name) {
    (void)oci::Reference::parse(name);
    return "/images/" + name;
}

std::string container_path(const std::string& id) {
    const bool is_id = !id.empty() && id.front() != '.' &&
                       id.find_first_not_of(
                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                           "0123456789_.-") == std::string::npos;
    if (!is_id)
        throw Error(Fault::unavailable, fmt::format("the engine names a container \"{}\"", printable(clipped(id, 80))));
    return "/containers/" + id;
}

io::SourcePtr watched(io::SourcePtr body, std::string what) {
    return std::make_unique<Watched>(std::move(body), std::move(what));
}

// "content digest sha256:…: not found", "no match for platform in manifest: not found" (containerd)
std::string hint_of(std::string_view words) {
    const bool is_partial = (words.find("content digest sha256:") != std::string_view::npos &&
                             words.find("not found") != std::string_view::npos) ||
                            words.find("no match for platform in manifest") != std::string_view::npos;
    if (!is_partial) return {};
    return "the engine has the image only in part: pull each of its platforms by the name that it came by (`docker "
           "pull "
           "--platform linux/amd64 NAME`, and linux/arm64), and run the same command again";
}

Error refused(io::HttpResponse& response, std::string_view method, std::string_view path) {
    const std::string body = io::read_all(*response.body, answer_limit);
    // Docker answers {"message":…}; very old versions and podman's unknown paths plain text.
    const auto json = io::try_parse_json(body);
    std::string message = json.is_object() ? text_of(json, "message") : std::string();
    if (message.empty())
        message = body.empty() ? fmt::format("HTTP {}", response.status) : std::string(clipped(body, 500));
    const auto query = path.find('?');
    Fault fault = Fault::failed;
    if (response.status == 404) fault = Fault::not_found;
    if (response.status == 401 || response.status == 403) fault = Fault::denied;
    return {fault, fmt::format("the engine refuses {} {}: {}", method, path.substr(0, query), printable(trim(message))),
            hint_of(message)};
}

nlohmann::json expect_json(io::HttpResponse& response, std::string_view method, std::string_view path) {
    if (response.status < 200 || response.status > 299) throw refused(response, method, path);
    const std::string body = io::read_all(*response.body, answer_limit);
    return reading_answer(path, [&] { return io::parse_json(body); });
}

std::string error_in(const nlohmann::json& line) {
    if (!line.is_object()) return {};
    if (const auto detail = line.find("errorDetail"); detail != line.end() && detail->is_object()) {
        if (std::string message = text_of(*detail, "message"); !message.empty()) return message;
    }
    return text_of(line, "error");
}

}  // namespace wasmx::engine
