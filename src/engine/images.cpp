// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/text.hpp"
#include "engine/answer.hpp"
#include "engine/engine.hpp"
#include "io/base64.hpp"
#include "io/json.hpp"
#include "io/lines.hpp"

namespace wasmx::engine {

bool ImageInfo::has_repo_digest(std::string_view name) const {
    return std::find(repo_digests.begin(), repo_digests.end(), name) != repo_digests.end();
}

std::optional<ImageInfo> Engine::find_image(const std::string& name) {
    const std::string path = image_path(name) + "/json";
    io::HttpResponse response = ask(path);
    if (response.status == 404) return std::nullopt;
    const auto json = expect_json(response, "GET", path);
    return reading_answer(path, [&] {
        ImageInfo out;
        out.id = text_of(json, "Id");
        if (out.id.find(':') == std::string::npos) out.id = "sha256:" + out.id;  // podman
        (void)Digest::parse(out.id);
        out.os = text_of(json, "Os");
        out.architecture = text_of(json, "Architecture");
        out.created = text_of(json, "Created");
        out.comment = text_of(json, "Comment");
        const auto texts = [&](const char* key) {
            const auto found = json.find(key);
            return found != json.end() && found->is_array() ? found->get<std::vector<std::string>>()
                                                            : std::vector<std::string>();
        };
        out.tags = texts("RepoTags");
        out.repo_digests = texts("RepoDigests");
        if (const auto root = json.find("RootFS");
            root != json.end() && root->is_object() && root->contains("Layers") && root->at("Layers").is_array()) {
            for (const auto& id : root->at("Layers")) out.diff_ids.push_back(Digest::parse(id.get<std::string>()));
        }
        if (const auto config = json.find("Config"); config != json.end() && config->is_object()) {
            if (const auto labels = config->find("Labels"); labels != config->end() && labels->is_object())
                out.labels = labels->get<std::map<std::string, std::string>>();
            out.inherited = oci::Inherited::from(*config);
        }
        // containerd's store does not fetch a layer that it has unpacked for another image, though compressed
        // otherwise.
        if (out.architecture.empty() && out.diff_ids.empty())
            throw Error(Fault::failed, fmt::format("the engine has {} only in part, and does not say what it is", name),
                        "remove it and the images that share its layers, and pull it again");
        return out;
    });
}

std::vector<std::uint64_t> Engine::history_sizes(const std::string& name) {
    const std::string path = image_path(name) + "/history";
    io::HttpResponse response = ask(path);
    const auto json = expect_json(response, "GET", path);
    return reading_answer(path, [&] {
        std::vector<std::uint64_t> out;
        for (const auto& step : json) out.push_back(step.value("Size", std::uint64_t{0}));
        return out;
    });
}

std::vector<std::string> Engine::image_tags(const std::string& pattern) {
    // Of every image that it lists containerd's store works out how large it is.
    const std::string filters = nlohmann::json{{"reference", {pattern}}}.dump();
    const std::string path = "/images/json?filters=" + io::percent_encoded(filters);
    io::HttpResponse response = ask(path);
    const auto json = expect_json(response, "GET", path);
    return reading_answer(path, [&] {
        std::vector<std::string> out;
        for (const auto& image : json) {
            const auto tags = image.find("RepoTags");
            if (tags == image.end() || !tags->is_array()) continue;  // null: it has none
            for (const auto& tag : *tags) out.push_back(tag.get<std::string>());
        }
        return out;
    });
}

void Engine::untag(const oci::Reference& other) noexcept {
    try {
        // Of an image with no other name it would remove the image; noprune keeps what is below.
        io::HttpResponse response = send(cleanup_, "DELETE", fmt::format("/images/{}?noprune=true", other.familiar()));
        io::drain(*response.body);
    } catch (...) {  // a name too many does no harm
    }
}

Secret Engine::registry_auth(const std::string& username, const Secret& password, const Secret& identity_token,
                             const Secret& registry_token) {
    nlohmann::json json;
    if (!registry_token.empty()) {
        json = {{"registrytoken", registry_token.reveal()}};
    } else if (!identity_token.empty()) {
        json = {{"identitytoken", identity_token.reveal()}};
    } else {
        json = {{"username", username}, {"password", password.reveal()}};
    }
    return Secret(io::base64url_encode(json.dump()));
}

namespace {

std::string pull_path(const oci::Reference& image, const std::string& platform, const Identity& identity) {
    // Docker takes a registry on loopback without TLS by itself; podman has to be told, and listens only in its own
    // API.
    const std::string host = image.registry().substr(0, image.registry().rfind(':'));
    if (identity.podman && io::is_loopback(host)) {
        const auto parts = split(platform, '/');
        return fmt::format("/v4.0.0/libpod/images/pull?reference={}&tlsVerify=false&OS={}&Arch={}",
                           io::percent_encoded(image.str()), parts.front(), parts.back());
    }
    return fmt::format("/images/create?fromImage={}&tag={}&platform={}", io::percent_encoded(image.familiar_name()),
                       io::percent_encoded(image.manifest_key()), io::percent_encoded(platform));
}

}  // namespace

void Engine::pull(const oci::Reference& image, const std::string& platform, const Secret& auth, Progress& progress) {
    const std::string path = pull_path(image, platform, identity_);
    io::HttpRequest request;
    if (!auth.empty()) request.secret_headers.emplace_back("X-Registry-Auth", auth);
    auto task = progress.task("pulling " + image.familiar(), 0);
    // What is known at once is an HTTP error, what comes later a line of the stream; podman 5 answers 500 for either.
    const auto fail = [&](Fault fault, const std::string& reason) {
        task->failed("failed");
        throw Error(
            fault, fmt::format("the engine cannot pull {}: {}", image.familiar(), reason),
            fmt::format(
                "`docker pull {}` on the engine's machine shows the same; a private image needs `docker login {}`",
                image.familiar(), image.registry()));
    };
    io::HttpResponse response = send(http_, "POST", path, std::move(request));
    if (response.status != 200) {
        const Error error = refused(response, "POST", path);
        fail(error.fault(), error.message());
    }
    io::LineReader lines(*response.body);
    while (const auto line = lines.next()) {
        const std::string error = error_in(io::try_parse_json(*line));
        if (!error.empty()) fail(Fault::failed, printable(error));
    }
    task->done("pulled");
}

std::string Engine::import_image(const io::Body& files) {
    const std::string path = "/images/create?fromSrc=-";
    io::HttpResponse response = send(
        http_, "POST", path,
        {.headers = {{"Content-Type", "application/x-tar"}}, .body = files, .idle_limit = std::chrono::seconds(60)});
    if (response.status != 200) throw refused(response, "POST", path);
    io::LineReader lines(*response.body);
    std::optional<Digest> id;
    while (const auto line = lines.next()) {
        const auto json = io::try_parse_json(*line);
        if (const std::string error = error_in(json); !error.empty())
            throw Error(Fault::failed, "the engine cannot make an image: " + printable(error));
        const std::string status = json.is_object() ? text_of(json, "status") : std::string();
        const auto said = Digest::try_parse(status.size() == 64 ? "sha256:" + status : status);
        if (said) id = said;
    }
    if (!id) throw Error(Fault::unavailable, "the engine made an image and does not say which");
    return id->str();
}

void Engine::remove_image(const std::string& id) noexcept {
    try {
        io::HttpResponse response = send(cleanup_, "DELETE", image_path(id) + "?force=1");
        io::drain(*response.body);
    } catch (...) {  // an image of some kilobytes does no harm
    }
}

io::SourcePtr Engine::export_image(const std::string& name, std::string_view platform) {
    std::string path = image_path(name) + "/get";
    // (Engine API, version history: 1.48)
    const auto api = release_of(identity_.api_version);
    if (const auto parts = split(platform, '/'); parts.size() > 1 && api >= Release{1, 48} && !identity_.podman)
        path += "?platform=" + io::percent_encoded(nlohmann::json{{"os", parts[0]}, {"architecture", parts[1]}}.dump());
    const std::string what = "the export of " + name;
    return in_time(what, [&] {
        io::HttpResponse response = send(http_, "GET", path, {.idle_limit = limits_.exported});
        if (response.status != 200) throw refused(response, "GET", path);
        return watched(std::move(response.body), what);
    });
}

}  // namespace wasmx::engine
