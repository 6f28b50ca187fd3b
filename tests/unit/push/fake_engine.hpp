// SPDX-License-Identifier: Apache-2.0
#pragma once
// An engine with one image, which can be read the ways that push knows: from a store of Docker's overlay2, from
// containerd's, by export.

#include <nlohmann/json.hpp>

#include <map>
#include <mutex>
#include <set>

#include "engine/scene.hpp"
#include "extract/tars.hpp"
#include "store/split_layer.hpp"

namespace wasmx::push {

class FakeEngine {
public:
    enum class Kind { overlay2, containerd, podman, vfs };
    /// How a layer stands in containerd's store.
    enum class Form { gzip, tar };

    explicit FakeEngine(Kind kind) : kind_(kind) {}

    /// The next layer, above the others. Its files come in the order of `members`.
    void add_layer(const test::Members& members, Form form = Form::gzip) {
        layers_.push_back({test::tar(members), members, form});
    }

    /// After the last layer.
    void start() {
        auto ids = nlohmann::json::array();
        for (const Layer& layer : layers_) ids.push_back(io::sha256(layer.tar).str());
        config = nlohmann::json{{"os", "linux"},
                                {"architecture", "amd64"},
                                {"config", nlohmann::json::object()},
                                {"rootfs", {{"type", "layers"}, {"diff_ids", ids}}}}
                     .dump();
        info_.architecture = "amd64";
        info_.diff_ids = oci::ImageConfig::parse(config).diff_ids;
        info_.id = io::sha256(config).str();
        kind_ == Kind::containerd ? fill_content_store() : fill_overlay2();
        http_ = std::make_unique<io::HttpClient>(std::stop_token(), "test");
        const std::string socket = folder_.path() / "engine.sock";
        server_ = std::make_unique<test::HttpServer>([this](const test::Seen& seen) { return serve(seen); }, socket);
        engine_ = std::make_unique<engine::Engine>(*http_, engine::Endpoint{socket, "--host"});
    }

    engine::Engine& engine() { return *engine_; }
    const engine::ImageInfo& info() const { return info_; }
    std::vector<test::Seen> seen() const { return server_->seen(); }
    std::size_t count(const std::string& method, const std::string& part) const {
        std::size_t out = 0;
        for (const test::Seen& seen : server_->seen())
            out += seen.method == method && seen.target.find(part) != std::string::npos ? 1 : 0;
        return out;
    }
    /// Containers that are there now.
    std::size_t containers() {
        const std::lock_guard lock(mutex_);
        return containers_.size();
    }
    const std::string& layer(std::size_t index) const { return layers_[index].tar; }

    std::string config;
    /// Files of the engine's machine, by path; what is deleted here is missing there.
    std::map<std::string, std::string> files;
    /// Archives of folders, by path.
    std::map<std::string, std::string> trees;
    bool allows_mounts = true;

    static constexpr const char* root = "/var/lib/docker";
    static constexpr const char* content = "/var/lib/docker/containerd/daemon/io.containerd.content.v1.content/blobs";

private:
    struct Layer {
        std::string tar;
        test::Members members;
        Form form;
    };

    void fill_overlay2() {
        const std::string image = std::string(root) + "/image/overlay2";
        files[image + "/imagedb/content/sha256/" + io::sha256(config).hex()] = config;
        Digest chain;
        for (std::size_t i = 0; i < layers_.size(); ++i) {
            const Digest& diff_id = info_.diff_ids[i];
            chain = i == 0 ? diff_id : io::sha256(chain.str() + " " + diff_id.str());
            const std::string cache_id = "cache" + std::to_string(i);
            const std::string record = image + "/layerdb/sha256/" + chain.hex();
            const std::string recipe = test::gzipped(test::recipe_of(layers_[i].tar, layers_[i].members));
            files[record + "/tar-split.json.gz"] = recipe;
            trees[record] = test::tar({test::file("./cache-id", cache_id), test::file("./diff", diff_id.str()),
                                       test::file("./size", "70"), test::file("./tar-split.json.gz", recipe)});
            trees[std::string(root) + "/overlay2/" + cache_id + "/diff"] = test::folder_tar(layers_[i].members);
        }
    }

    void fill_content_store() {
        const auto keep = [&](const std::string& bytes, std::string_view type) {
            files[std::string(content) + "/sha256/" + io::sha256(bytes).hex()] = bytes;
            return nlohmann::json{{"mediaType", type}, {"digest", io::sha256(bytes).str()}, {"size", bytes.size()}};
        };
        auto blobs = nlohmann::json::array();
        for (const Layer& layer : layers_)
            blobs.push_back(layer.form == Form::gzip
                                ? keep(test::gzipped(layer.tar), oci::media_type::docker_layer_gzip)
                                : keep(layer.tar, oci::media_type::docker_layer_tar));
        const std::string manifest = nlohmann::json{
            {"schemaVersion", 2},
            {"mediaType", oci::media_type::docker_manifest},
            {"config", keep(config, oci::media_type::docker_config)},
            {"layers", blobs}}.dump();
        auto row = keep(manifest, oci::media_type::docker_manifest);
        row["platform"] = {{"os", "linux"}, {"architecture", "amd64"}};
        const std::string index = nlohmann::json{
            {"schemaVersion", 2},
            {"mediaType", oci::media_type::oci_index},
            {"manifests", nlohmann::json::array(
                              {row})}}.dump();
        info_.id = keep(index, oci::media_type::oci_index)["digest"].get<std::string>();
    }

    // As `docker save` writes it.
    std::string archive() const {
        const auto path_of = [](const std::string& bytes) { return "blobs/sha256/" + io::sha256(bytes).hex(); };
        test::Members members;
        auto layers = nlohmann::json::array();
        for (const Layer& layer : layers_) {
            members.push_back(test::file(path_of(layer.tar), layer.tar));
            layers.push_back(path_of(layer.tar));
        }
        members.push_back(test::file(path_of(config), config));
        const auto manifest = nlohmann::json::array({{{"Config", path_of(config)}, {"Layers", layers}}});
        members.push_back(test::file("manifest.json", manifest.dump()));
        return test::tar(members);
    }

    static std::string decoded(std::string_view text) {
        std::string out;
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (text[i] == '%') {
                out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
                i += 2;
            } else {
                out += text[i];
            }
        }
        return out;
    }

    nlohmann::json engine_info() const {
        nlohmann::json out{{"OSType", "linux"}, {"Architecture", "x86_64"}, {"DockerRootDir", root}};
        out["Driver"] = kind_ == Kind::overlay2 ? "overlay2" : kind_ == Kind::vfs ? "vfs" : "overlay";
        if (kind_ == Kind::containerd)
            out["DriverStatus"] =
                nlohmann::json::array({nlohmann::json::array({"driver-type", "io.containerd.snapshotter.v1"})});
        return out;
    }

    test::Reply serve(const test::Seen& seen) {
        using engine::json_reply;
        if (seen.target == "/_ping") return kind_ == Kind::podman ? engine::podman_pong() : engine::pong();
        const std::string target = seen.target.substr(std::string("/v1.41").size());
        if (target == "/info") return json_reply(200, engine_info().dump());
        if (target.starts_with("/containers/create"))
            return {.with_body = [this](const test::Seen& whole) { return create(whole.body); }};
        if (target.starts_with("/containers/json") || target.starts_with("/images/json")) return json_reply(200, "[]");
        if (target.starts_with("/images/") && target.find("/get") != std::string::npos) return {.body = archive()};
        if (!target.starts_with("/containers/")) return {.status = 404};
        const std::string id = target.substr(12, target.find_first_of("/?", 12) - 12);
        const std::lock_guard lock(mutex_);
        const auto container = containers_.find(id);
        if (container == containers_.end()) return json_reply(404, R"({"message":"No such container"})");
        if (seen.method == "DELETE") {
            containers_.erase(container);
            return {.status = 204};
        }
        return read(container->second, decoded(target.substr(target.find("path=") + 5)), seen.method == "HEAD");
    }

    test::Reply create(const std::string& body) {
        const auto settings = nlohmann::json::parse(body);
        const auto& mounts = settings.at("HostConfig").at("Mounts");
        if (!allows_mounts) return engine::json_reply(403, R"({"message":"bind mounts are not allowed"})");
        std::vector<std::string> sources;
        for (const auto& mount : mounts) {
            sources.push_back(mount.at("Source"));
            const auto is_below = [&](const auto& row) { return row.first.starts_with(sources.back() + "/"); };
            if (std::none_of(files.begin(), files.end(), is_below) &&
                std::none_of(trees.begin(), trees.end(), is_below))
                return engine::json_reply(400, R"({"message":"bind source path does not exist"})");
        }
        const std::lock_guard lock(mutex_);
        const std::string id = "c" + std::to_string(++created_);
        containers_[id] = sources;
        return engine::json_reply(201, nlohmann::json{{"Id", id}}.dump());
    }

    test::Reply read(const std::vector<std::string>& sources, const std::string& path, bool is_head) {
        const auto slash = path.find('/', 1);
        std::string there = sources.at(std::stoul(path.substr(1, slash - 1))) + path.substr(slash);
        if (there.ends_with("/.")) {
            const auto tree = trees.find(there.substr(0, there.size() - 2));
            return tree == trees.end() ? test::Reply{.status = 404} : test::Reply{.body = tree->second};
        }
        const auto file = files.find(there);
        if (file == files.end()) return {.status = 404};
        if (is_head) return {.status = 200};
        return {.body = test::tar({test::file(there.substr(there.rfind('/') + 1), file->second)})};
    }

    const Kind kind_;
    std::vector<Layer> layers_;
    engine::ImageInfo info_;
    test::Folder folder_;
    std::mutex mutex_;
    std::map<std::string, std::vector<std::string>> containers_;
    int created_ = 0;
    std::unique_ptr<io::HttpClient> http_;
    std::unique_ptr<test::HttpServer> server_;
    std::unique_ptr<engine::Engine> engine_;
};

}  // namespace wasmx::push
