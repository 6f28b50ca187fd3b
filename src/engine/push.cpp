// SPDX-License-Identifier: Apache-2.0
#include "engine/answer.hpp"
#include "engine/engine.hpp"
#include "io/base64.hpp"
#include "io/lines.hpp"

namespace wasmx::engine {

namespace {

/// The tasks of a push, one for each layer; the engine names layers by the first digits of their diff ID.
class Layers {
public:
    explicit Layers(Progress& progress) : progress_(progress) {}

    void take(const nlohmann::json& line) {
        const std::string id = text_of(line, "id");
        const std::string status = text_of(line, "status");
        if (id.empty() || status == "Preparing" || status == "Waiting") return;
        Layer& layer = layers_[id];
        if (layer.over) return;
        const auto detail = line.find("progressDetail");
        const bool has_detail = detail != line.end() && detail->is_object();
        const auto number = [&](const char* key) {
            return has_detail ? detail->value(key, std::uint64_t{0}) : std::uint64_t{0};
        };
        if (!layer.task) layer.task = progress_.task("pushing layer " + printable(id), number("total"));
        if (const std::uint64_t current = number("current"); current > layer.current) {
            layer.task->advance(current - layer.current);
            layer.current = current;
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

}  // namespace

Digest Engine::push(const oci::Reference& image, const Secret& auth, Progress& progress) {
    std::string path = fmt::format("/images/{}/push?tag={}", image.familiar_name(),
                                   io::percent_encoded(image.tag().value_or("latest")));
    // Docker takes a registry on loopback without TLS by itself; podman has to be told.
    if (identity_.podman && io::is_loopback(image.registry().substr(0, image.registry().rfind(':'))))
        path += "&tlsVerify=false";
    io::HttpRequest request;
    // Without the header some engines refuse, and others are anonymous.
    request.secret_headers.emplace_back("X-Registry-Auth", auth.empty() ? Secret(io::base64url_encode("{}")) : auth);
    const auto fail = [&](const std::string& reason) {
        throw Error(Fault::failed, fmt::format("the engine cannot push {}: {}", image.familiar(), reason),
                    fmt::format("`docker push {}` shows the same; --via export pushes without the engine's help",
                                image.familiar()));
    };
    io::HttpResponse response = send(http_, "POST", path, std::move(request));
    if (response.status != 200) fail(refused(response, "POST", path).message());
    Layers layers(progress);
    std::optional<Digest> digest;
    io::LineReader lines(*response.body);
    while (const auto text = lines.next()) {
        const auto line = nlohmann::json::parse(*text, nullptr, false);
        if (!line.is_object()) continue;
        if (const std::string error = error_in(line); !error.empty()) fail(printable(error));
        reading_answer(path, [&] { layers.take(line); });
        if (const auto found = digest_in(line)) digest = found;
    }
    if (!digest) fail("it ended without a digest and without a reason");
    layers.finish();
    return *digest;
}

}  // namespace wasmx::engine
