// SPDX-License-Identifier: Apache-2.0
#include "oci/manifest.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/text.hpp"
#include "io/base64.hpp"
#include "io/json.hpp"
#include "io/stream.hpp"

namespace wasmx::oci {

namespace {

using Json = nlohmann::json;

// What comes from outside may have any shape: every surprise of the JSON library is an integrity error here.
template <class Read>
auto reading(std::string_view what, std::string_view text, Read&& read) {
    try {
        return read(io::parse_json(text));
    } catch (const Json::exception& error) {
        throw Error(Fault::integrity, fmt::format("this is no {}: {}", what, printable(error.what())));
    }
}

std::string text_or_empty(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found == object.end() || found->is_null() ? std::string() : found->get<std::string>();
}

std::map<std::string, std::string> texts(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found == object.end() || found->is_null() ? std::map<std::string, std::string>()
                                                     : found->get<std::map<std::string, std::string>>();
}

Descriptor descriptor_from(const Json& json) {
    Descriptor out;
    out.media_type = json.at("mediaType").get<std::string>();
    out.digest = Digest::parse(json.at("digest").get<std::string>());
    if (!json.at("size").is_number_unsigned()) throw Error(Fault::integrity, "a descriptor whose size is no size");
    out.size = json.at("size").get<std::uint64_t>();
    out.annotations = texts(json, "annotations");
    if (const auto data = json.find("data"); data != json.end() && data->is_string()) {
        auto bytes = io::base64_decode(data->get<std::string>());
        if (bytes && bytes->size() == out.size && io::sha256(*bytes) == out.digest) out.data = *std::move(bytes);
    }
    return out;
}

Json json_of(const Descriptor& descriptor) {
    Json out{{"mediaType", descriptor.media_type}, {"digest", descriptor.digest.str()}, {"size", descriptor.size}};
    if (!descriptor.annotations.empty()) out["annotations"] = descriptor.annotations;
    return out;
}

Manifest manifest_from(const Json& json) {
    if (json.at("schemaVersion").get<int>() != 2)
        throw Error(Fault::integrity, "this is a manifest of schema 1, which no engine has written since 2017");
    Manifest out;
    out.media_type = text_or_empty(json, "mediaType");
    if (out.media_type.empty()) out.media_type = media_type::oci_manifest;
    out.config = descriptor_from(json.at("config"));
    for (const Json& layer : json.at("layers")) out.layers.push_back(descriptor_from(layer));
    out.annotations = texts(json, "annotations");
    out.artifact_type = text_or_empty(json, "artifactType");
    return out;
}

Index index_from(const Json& json) {
    Index out;
    for (const Json& row : json.at("manifests")) {
        IndexEntry entry{.descriptor = descriptor_from(row), .os = {}, .architecture = {}, .variant = {}};
        if (const auto platform = row.find("platform"); platform != row.end() && platform->is_object()) {
            entry.os = text_or_empty(*platform, "os");
            entry.architecture = text_or_empty(*platform, "architecture");
            entry.variant = text_or_empty(*platform, "variant");
        }
        const auto kind = entry.descriptor.annotations.find("vnd.docker.reference.type");
        entry.is_attestation = (kind != entry.descriptor.annotations.end() && kind->second == "attestation-manifest") ||
                               entry.os == "unknown";
        out.manifests.push_back(std::move(entry));
    }
    return out;
}

}  // namespace

Manifest Manifest::parse(std::string_view text) { return reading("image manifest", text, manifest_from); }
Index Index::parse(std::string_view text) { return reading("image index", text, index_from); }

// The last two are what early registries made of Docker's. (moby, distribution/pull_v2.go, defaultImageTypes)
bool Manifest::is_image() const {
    const std::string_view type = config.media_type;
    return type == media_type::oci_config || type == media_type::docker_config || type.empty() ||
           type == "application/octet-stream" || type == "text/html";
}

std::string Manifest::json() const {
    Json out{{"schemaVersion", 2}, {"mediaType", media_type}, {"config", json_of(config)}, {"layers", Json::array()}};
    for (const Descriptor& layer : layers) out["layers"].push_back(json_of(layer));
    if (!annotations.empty()) out["annotations"] = annotations;
    return out.dump();
}

std::variant<Manifest, Index> parse_manifest(std::string_view text, std::string_view content_type) {
    std::string kind(trim(content_type.substr(0, content_type.find(';'))));
    const auto known = [&] {
        return kind == media_type::oci_index || kind == media_type::docker_list || kind == media_type::oci_manifest ||
               kind == media_type::docker_manifest;
    };
    if (!known()) {
        kind = reading("manifest", text, [](const Json& json) {
            std::string stated = text_or_empty(json, "mediaType");
            if (!stated.empty()) return stated;
            return std::string(json.contains("manifests") ? media_type::oci_index : media_type::oci_manifest);
        });
    }
    if (kind == media_type::oci_index || kind == media_type::docker_list) return Index::parse(text);
    if (kind == media_type::oci_manifest || kind == media_type::docker_manifest) return Manifest::parse(text);
    throw Error(Fault::integrity, fmt::format("the manifest is of a kind that is no image: {}", printable(kind)));
}

Inherited Inherited::from(const Json& config) {
    Inherited out;
    out.user = text_or_empty(config, "User");
    if (const auto volumes = config.find("Volumes"); volumes != config.end() && volumes->is_object())
        for (const auto& [path, nothing] : volumes->items()) out.volumes.push_back(path);
    if (const auto triggers = config.find("OnBuild"); triggers != config.end() && !triggers->is_null())
        out.on_build = triggers->get<std::vector<std::string>>();
    if (const auto variables = config.find("Env"); variables != config.end() && variables->is_array())
        out.environment = variables->get<std::vector<std::string>>();
    const auto is_empty = [&](const char* key) {
        const auto words = config.find(key);
        return words == config.end() || words->empty();
    };
    out.has_no_command = is_empty("Cmd") && is_empty("Entrypoint");
    return out;
}

ImageConfig ImageConfig::parse(std::string_view text) {
    return reading("image config", text, [](const Json& json) {
        ImageConfig out;
        out.os = text_or_empty(json, "os");
        out.architecture = text_or_empty(json, "architecture");
        out.created = text_or_empty(json, "created");
        for (const Json& id : json.at("rootfs").at("diff_ids"))
            out.diff_ids.push_back(Digest::parse(id.get<std::string>()));
        if (const auto history = json.find("history"); history != json.end() && history->is_array()) {
            for (const Json& step : *history) {
                const auto empty = step.find("empty_layer");  // null is what Go takes for false
                out.history.push_back({text_or_empty(step, "created_by"),
                                       empty != step.end() && !empty->is_null() && empty->get<bool>(),
                                       text_or_empty(step, "comment")});
            }
        }
        if (const auto config = json.find("config"); config != json.end() && config->is_object()) {
            out.labels = texts(*config, "Labels");
            out.inherited = Inherited::from(*config);
        }
        return out;
    });
}

}  // namespace wasmx::oci
