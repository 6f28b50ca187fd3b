// SPDX-License-Identifier: Apache-2.0
#include "engine/answer.hpp"
#include "engine/engine.hpp"
#include "io/base64.hpp"
#include "io/json.hpp"
#include "io/lines.hpp"

namespace wasmx::engine {

namespace {

/// The tasks of a push, one for each layer; the engine names layers by the first digits of their diff ID.
class Layers {
public:
    explicit Layers(Progress& progress) : progress_(progress) {}

    void take(const PushEvent& event) {
        const std::string& status = event.status;
        if (event.id.empty() || status == "Preparing" || status == "Waiting") return;
        Layer& layer = layers_[event.id];
        if (layer.over) return;
        if (!layer.task) layer.task = progress_.task("pushing layer " + printable(event.id), event.total);
        if (event.current > layer.current) {
            layer.task->advance(event.current - layer.current);
            layer.current = event.current;
        }
        if (status == "Pushed") layer.end("uploaded");
        if (status == "Layer already exists" || status == "Already exists") layer.end("exists");
        if (status.starts_with("Mounted from")) layer.end("mounted");
    }

    void finish() {
        for (auto& [id, layer] : layers_)
            if (!layer.over && layer.task) layer.end("done");
    }

private:
    struct Layer {
        std::unique_ptr<Progress::Task> task;
        std::uint64_t current = 0;
        bool over = false;
        void end(std::string_view how) {
            task->done(how);
            over = true;
        }
    };
    Progress& progress_;
    std::map<std::string, Layer> layers_;
};

// In `aux`, or, of containerd's store and podman, only in words: "1.0: digest: sha256:60c4… size: 1380".
std::optional<Digest> digest_in(const nlohmann::json& line) {
    if (const auto aux = line.find("aux"); aux != line.end() && aux->is_object())
        return Digest::try_parse(text_of(*aux, "Digest"));
    constexpr std::string_view mark = "digest: ";
    const std::string status = text_of(line, "status");
    const auto at = status.find(mark);
    if (at == std::string::npos) return std::nullopt;
    const std::string_view rest = std::string_view(status).substr(at + mark.size());
    return Digest::try_parse(rest.substr(0, rest.find(' ')));
}

PushEvent event_of(const nlohmann::json& line) {
    PushEvent out{.id = text_of(line, "id"), .status = text_of(line, "status")};
    if (const auto detail = line.find("progressDetail"); detail != line.end() && detail->is_object()) {
        out.current = detail->value("current", std::uint64_t{0});
        out.total = detail->value("total", std::uint64_t{0});
    }
    out.digest = digest_in(line);
    return out;
}

}  // namespace

void Engine::push(const oci::Reference& image, const Secret& auth,
                  const std::function<void(const PushEvent&)>& listener) {
    std::string path = fmt::format("/images/{}/push?tag={}", image.familiar_name(),
                                   io::percent_encoded(image.tag().value_or("latest")));
    // Docker takes a registry on loopback without TLS by itself; podman has to be told.
    if (identity_.podman && io::is_loopback(image.registry().substr(0, image.registry().rfind(':'))))
        path += "&tlsVerify=false";
    io::HttpRequest request;
    // Without the header some engines refuse, and others are anonymous.
    request.secret_headers.emplace_back("X-Registry-Auth", auth.empty() ? Secret(io::base64url_encode("{}")) : auth);
    const auto fail = [&](const std::string& reason) {
        const std::string hint = hint_of(reason);
        throw Error(Fault::failed, fmt::format("the engine cannot push {}: {}", image.familiar(), reason),
                    !hint.empty()
                        ? hint
                        : fmt::format("`docker push {}` shows the same; --via export pushes without the engine's help",
                                      image.familiar()));
    };
    io::HttpResponse response = send(http_, "POST", path, std::move(request));
    if (response.status != 200) fail(refused(response, "POST", path).message());
    bool is_whole = false;
    io::LineReader lines(*response.body);
    while (const auto text = lines.next()) {
        const auto line = io::try_parse_json(*text);
        if (!line.is_object()) continue;
        if (const std::string error = error_in(line); !error.empty()) fail(printable(error));
        const PushEvent event = reading_answer(path, [&] { return event_of(line); });
        is_whole = is_whole || event.digest;
        listener(event);
    }
    if (!is_whole) fail("it ended without a digest and without a reason");
}

Digest Engine::push(const oci::Reference& image, const Secret& auth, Progress& progress) {
    Layers layers(progress);
    Digest digest;
    push(image, auth, [&](const PushEvent& event) {
        layers.take(event);
        if (event.digest) digest = *event.digest;
    });
    layers.finish();
    return digest;
}

}  // namespace wasmx::engine
