// SPDX-License-Identifier: Apache-2.0
#include "image/sealed.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>

#include "base/error.hpp"
#include "base/text.hpp"
#include "io/file.hpp"
#include "io/json.hpp"
#include "io/tar.hpp"

namespace wasmx::image {

namespace {

// Seen with Docker 26 and 28: a pull that shares layers with a loaded image reports success and leaves parts out.
constexpr std::string_view lost_hint =
    "the engine's store lost part of it: remove this image and those that share its layers (`docker rmi`), then pull "
    "or build again";
constexpr std::uint64_t json_limit = 16 << 20;
constexpr std::uint64_t all_json_limit = 64 << 20;  // they are kept until the archive's end
constexpr std::string_view blob_folder = "blobs/sha256/";

enum class Form { tar, gzip, zstd };

Form form_of(std::string_view head) {
    if (head.starts_with("\x1f\x8b")) return Form::gzip;
    if (head.starts_with("\x28\xb5\x2f\xfd")) return Form::zstd;
    return Form::tar;
}

std::string_view media_type_of(Form form, const io::Compression& compression) {
    if (form == Form::tar) return layer_type_of(compression);
    return form == Form::zstd ? oci::media_type::oci_layer_zstd : oci::media_type::oci_layer_gzip;
}

// A layer as it was found in the archive, before it is known where it belongs.
struct Found {
    Form form = Form::tar;  ///< as it was in the archive
    io::Tally stored;       ///< of the bytes in the archive
    io::Tally compressed;   ///< of the bytes that are pushed
    io::Body body;
    std::optional<Digest> named;  ///< it was not read, since its name says which known layer it is
};

oci::Descriptor descriptor_of(const Found& found, const SealHooks& hooks) {
    return {.media_type = std::string(media_type_of(found.form, hooks.compression)),
            .digest = found.compressed.digest,
            .size = found.compressed.size,
            .annotations = {}};
}

class Scratch final : public LayerSink {
public:
    void write(std::span<const std::byte> bytes) override { file_.write(bytes); }
    void begun(const std::optional<Digest>&, std::uint64_t) override {}
    void sealed(const std::optional<Digest>&, const oci::Descriptor&) override {}
    io::Body body() const override { return file_.body(); }

private:
    io::TempFile file_;
};

// "blobs/sha256/<diff ID>" (25 and later), "<diff ID>.tar" (podman): a layer whose name says what it is, if it is a
// plain tar; of a compressed one no diff ID is known by that name.
std::optional<Digest> digest_in(const std::string& path) {
    return Digest::from_hex(std::filesystem::path(path).stem().string());
}

// Everything into the sink, compressed unless it is already.
Found pack(io::SourcePtr bytes, Form form, const io::Compression& compression, LayerSink& sink, Progress::Task& task) {
    Found out;
    out.form = form;
    auto stored =
        io::counted(io::digesting(std::move(bytes), out.stored), [&](std::uint64_t count) { task.advance(count); });
    io::SourcePtr packed = form == Form::tar ? io::compressed(std::move(stored), compression) : std::move(stored);
    packed = io::digesting(std::move(packed), out.compressed);
    std::vector<std::byte> buffer(io::chunk_size);
    while (const std::size_t count = packed->read(buffer)) sink.write(std::span(buffer).first(count));
    out.body = sink.body();
    task.done(form == Form::tar ? fmt::format("{} compressed", human_bytes(out.compressed.size)) : "as stored");
    return out;
}

std::unique_ptr<LayerSink> new_sink(const SealHooks& hooks) {
    return hooks.new_sink ? hooks.new_sink() : std::make_unique<Scratch>();
}

Found take_layer(io::SourcePtr member, Form form, std::uint64_t size, const std::string& path, Progress& progress,
                 const SealHooks& hooks) {
    const std::string name = path.substr(path.starts_with("blobs/") ? path.rfind('/') + 1 : 0, 12);
    auto task = progress.task(fmt::format("sealing layer {} ({})", printable(name), human_bytes(size)), size);
    const auto sink = new_sink(hooks);
    if (form == Form::tar) sink->begun(digest_in(path), size);
    Found out = pack(std::move(member), form, hooks.compression, *sink, *task);
    sink->sealed(form == Form::tar ? std::optional(out.stored.digest) : std::nullopt, descriptor_of(out, hooks));
    return out;
}

std::string normal(const std::filesystem::path& path) { return path.lexically_normal().string(); }

// Blobs are layers, configs, manifests. JSON begins with a brace and has no tar's magic (POSIX pax, "ustar Interchange
// Format") where a member's name that begins with one would be followed by it.
bool is_json(std::string_view head) {
    return head.starts_with('{') && (head.size() < 262 || head.substr(257, 5) != "ustar");
}

// The archive's members, layers sealed as they pass: which of them belongs where is told by manifest.json at its end.
struct Contents {
    std::map<std::string, std::string> texts;
    std::uint64_t text_bytes = 0;
    std::map<std::string, Found> layers;
    std::map<std::string, std::string> links;  // a layer that occurs twice is a link the second time: where it leads
};

std::optional<Digest> known_by_name(const std::string& path, const SealHooks& hooks) {
    const auto named = digest_in(path);
    return named && hooks.known && hooks.known(*named) ? named : std::nullopt;
}

void take_member(Contents& contents, const io::TarEntry& entry, io::TarReader& reader, Progress& progress,
                 const SealHooks& hooks) {
    const std::string path = normal(entry.path);
    // A symbolic link is relative to its folder, a hard link to the archive's top.
    if (entry.type == io::TarEntry::Type::symlink)
        contents.links[path] = normal(std::filesystem::path(path).parent_path() / entry.target);
    if (entry.type == io::TarEntry::Type::hardlink) contents.links[path] = normal(entry.target);
    if (entry.type != io::TarEntry::Type::file) return;
    if (const auto known = known_by_name(path, hooks)) {
        contents.layers.emplace(path, Found{.named = known});
        return;
    }
    std::string head(std::min<std::uint64_t>(entry.size, 512), '\0');
    std::size_t filled = 0;
    while (filled < head.size()) {
        const std::size_t count = reader.read(std::as_writable_bytes(std::span(head).subspan(filled)));
        if (count == 0) throw Error(Fault::integrity, fmt::format("the archive ends inside {}", printable(path)));
        filled += count;
    }
    auto whole = io::resumed(head, reader.member());
    const bool is_blob = path.starts_with("blobs/");
    const bool is_layer = path.ends_with("layer.tar") || (!is_blob && path.ends_with(".tar")) ||
                          (is_blob && (entry.size > json_limit || !is_json(head)));
    if (is_layer) {
        contents.layers.emplace(path, take_layer(std::move(whole), form_of(head), entry.size, path, progress, hooks));
    } else {
        if (entry.size > all_json_limit - contents.text_bytes)
            throw Error(Fault::integrity, fmt::format("the engine's export has more than {} beside the layers",
                                                      human_bytes(all_json_limit)));
        contents.text_bytes += entry.size;
        contents.texts.emplace(path, io::read_all(*whole, json_limit));
    }
}

const Found* find_layer(const Contents& contents, std::string path) {
    for (int hops = 0; hops < 8; ++hops) {
        if (const auto layer = contents.layers.find(path); layer != contents.layers.end()) return &layer->second;
        const auto link = contents.links.find(path);
        if (link == contents.links.end()) return nullptr;
        path = link->second;
    }
    return nullptr;
}

void check_layer(const Found& found, const Digest& diff_id, const std::string& path) {
    if (found.named && *found.named != diff_id)
        throw Error(Fault::integrity,
                    fmt::format("the engine exported {} in the place of the layer {}", printable(path), diff_id.str()));
    if (found.named) return;
    if (found.form == Form::tar && found.stored.digest != diff_id)
        throw Error(Fault::integrity,
                    fmt::format("the engine exported layer {} with the diff ID {}, its config says {}", printable(path),
                                found.stored.digest.str(), diff_id.str()));
    // What is compressed can only be held against its name.
    if (found.form != Form::tar && path != std::string(blob_folder) + found.stored.digest.hex())
        throw Error(Fault::integrity, fmt::format("the engine exported {} with the digest {}", printable(path),
                                                  found.stored.digest.str()));
}

// "<id>.json" or "blobs/sha256/<id>": the config is what the layers are held against, so it is held against its own
// name.
void check_config(const std::string& path, const std::string& config) {
    const auto stated = Digest::from_hex(std::filesystem::path(path).stem().string());
    if (stated && *stated != io::sha256(config))
        throw Error(Fault::integrity, fmt::format("the engine exported the config {} with the digest {}",
                                                  printable(path), io::sha256(config).str()));
}

}  // namespace

std::string_view layer_type_of(const io::Compression& compression) {
    return compression.kind == io::Compression::Kind::zstd ? oci::media_type::oci_layer_zstd
                                                           : oci::media_type::oci_layer_gzip;
}

void seal_layer(io::SourcePtr tar, std::uint64_t size, const Digest& diff_id, const SealHooks& hooks,
                Progress& progress) {
    auto task = progress.task(fmt::format("sealing layer {} ({})", diff_id.short_id(), human_bytes(size)), size);
    const auto sink = new_sink(hooks);
    sink->begun(diff_id, size);
    const Found packed = pack(std::move(tar), Form::tar, hooks.compression, *sink, *task);
    if (packed.stored.digest != diff_id)
        throw Error(Fault::integrity, fmt::format("its bytes have the digest {}", packed.stored.digest.str()));
    sink->sealed(diff_id, descriptor_of(packed, hooks));
}

Sealed seal_export(io::Source& archive, Progress& progress, const SealHooks& hooks) {
    Contents contents;
    io::TarReader reader(archive);
    while (const auto entry = reader.next()) take_member(contents, *entry, reader, progress, hooks);
    io::drain(archive);

    const auto text = contents.texts.find("manifest.json");
    if (text == contents.texts.end())
        throw Error(Fault::integrity, "the engine's export has no manifest.json: it broke off");
    const auto manifest = io::try_parse_json(text->second);
    if (!manifest.is_array() || manifest.size() != 1 || !manifest[0].is_object() || !manifest[0].contains("Layers") ||
        !manifest[0]["Layers"].is_array())
        throw Error(Fault::integrity, "the engine's export does not hold exactly one image");

    Sealed out;
    const auto named = [](const nlohmann::json& json) {
        return json.is_string() ? normal(json.get<std::string>()) : std::string();
    };
    const auto config = contents.texts.find(manifest[0].contains("Config") ? named(manifest[0]["Config"]) : "");
    if (config == contents.texts.end())
        throw Error(Fault::integrity, "the engine's export lacks the image's config", std::string(lost_hint));
    check_config(config->first, config->second);
    out.config = config->second;
    const auto diff_ids = oci::ImageConfig::parse(out.config).diff_ids;
    const auto& layers = manifest[0]["Layers"];
    if (layers.size() != diff_ids.size())
        throw Error(Fault::integrity, fmt::format("the engine's export has {} layers, its config says {}",
                                                  layers.size(), diff_ids.size()));
    for (std::size_t i = 0; i < diff_ids.size(); ++i) {
        const std::string path = named(layers[i]);
        const Found* found = find_layer(contents, path);
        if (found == nullptr)
            throw Error(Fault::integrity, fmt::format("the engine's export lacks the layer {}", printable(path)),
                        std::string(lost_hint));
        check_layer(*found, diff_ids[i], path);
        const auto known = hooks.known ? hooks.known(diff_ids[i]) : std::nullopt;
        if (known) {
            out.layers.push_back({diff_ids[i], *known, {}});
        } else {
            out.layers.push_back({diff_ids[i], descriptor_of(*found, hooks), found->body});
        }
    }
    return out;
}

oci::Descriptor config_descriptor(const std::string& config) {
    return {.media_type = std::string(oci::media_type::oci_config),
            .digest = io::sha256(config),
            .size = config.size(),
            .annotations = {}};
}

oci::Manifest Sealed::manifest() const {
    oci::Manifest out;
    out.media_type = oci::media_type::oci_manifest;
    out.config = config_descriptor(config);
    for (const Layer& layer : layers) out.layers.push_back(layer.descriptor);
    return out;
}

}  // namespace wasmx::image
