// SPDX-License-Identifier: Apache-2.0
#include <set>

#include "engine/answer.hpp"
#include "engine/engine.hpp"
#include "io/base64.hpp"
#include "io/json.hpp"
#include "io/lines.hpp"

namespace wasmx::engine {

namespace {

std::string query_of(const BuildRequest& request) {
    std::string out = request.builder == Builder::buildkit ? "version=2" : "version=1";
    const auto add = [&](std::string_view name, const std::string& value) {
        out += fmt::format("&{}={}", name, io::percent_encoded(value));
    };
    for (const std::string& tag : request.tags) add("t", tag);
    add("dockerfile", request.dockerfile);
    if (!request.platform.empty()) add("platform", request.platform);
    auto args = nlohmann::json(request.args);
    for (const auto& [name, value] : request.proxies) args[name] = value.reveal();
    add("buildargs", args.dump());
    add("labels", nlohmann::json(request.labels).dump());
    if (request.no_cache) add("nocache", "1");
    // Without forcerm the classic builder leaves the container of a failed step behind.
    add("rm", "1");
    add("forcerm", "1");
    return out;
}

// "…: exit code: 37" is all that BuildKit says; podman ends in "exit status 37".
std::optional<int> trailing_code(std::string_view message) {
    message = trim(message);
    for (const std::string_view before : {"exit code: ", "exit status "}) {
        const auto at = message.rfind(before);
        if (at == std::string_view::npos) continue;
        const auto digits = message.substr(at + before.size());
        if (digits.empty() || digits.size() > 3 || digits.find_first_not_of("0123456789") != std::string_view::npos)
            continue;
        return std::stoi(std::string(digits));
    }
    return std::nullopt;
}

void take_aux(const nlohmann::json& line, BuildOutcome& outcome,
              const std::function<void(const BuildEvent&)>& listener) {
    const auto aux = line.find("aux");
    if (aux == line.end()) return;
    if (text_of(line, "id") == "moby.buildkit.trace") {
        auto bytes = aux->is_string() ? io::base64_decode(aux->get_ref<const std::string&>()) : std::nullopt;
        if (bytes) listener({BuildEvent::Kind::trace, *std::move(bytes)});
        return;
    }
    // Once for each stage: the last is the image.
    if (aux->is_object()) {
        if (std::string id = text_of(*aux, "ID"); !id.empty()) outcome.image_id = std::move(id);
    }
}

void take_line(const nlohmann::json& line, BuildOutcome& outcome,
               const std::function<void(const BuildEvent&)>& listener) {
    if (!line.is_object()) return;
    if (std::string text = text_of(line, "stream"); !text.empty()) listener({BuildEvent::Kind::text, std::move(text)});
    take_aux(line, outcome, listener);
    if (std::string error = error_in(line); !error.empty()) {
        outcome.exit_code = trailing_code(error);
        if (const auto detail = line.find("errorDetail"); detail != line.end() && detail->is_object()) {
            if (const auto code = detail->find("code"); code != detail->end() && code->is_number_integer())
                outcome.exit_code = code->get<int>();
        }
        outcome.error = std::move(error);
    }
}

}  // namespace

BuildOutcome Engine::build(const BuildRequest& request, const io::Body& context,
                           const std::function<void(const BuildEvent&)>& listener) {
    const std::string path = "/build?" + query_of(request);
    io::HttpResponse response = send(http_, "POST", path,
                                     {.method = {},
                                      .url = {},
                                      .headers = {{"Content-Type", "application/x-tar"}},
                                      .secret_headers = {},
                                      .body = context,
                                      .unix_socket = {}});
    if (response.status != 200) throw refused(response, "POST", path);
    BuildOutcome outcome;
    io::LineReader lines(*response.body);
    while (const auto line = lines.next()) take_line(io::try_parse_json(*line), outcome, listener);
    return outcome;
}

}  // namespace wasmx::engine
