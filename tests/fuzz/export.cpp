// SPDX-License-Identifier: Apache-2.0
// The archive that an engine exports. The first byte says whether the rest is the archive itself, or how an archive of
// one of the known layouts is made and then spoilt. What is sealed has the digests that it says.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <memory>

#include "base/error.hpp"
#include "base/text.hpp"
#include "extract/tars.hpp"
#include "image/sealed.hpp"
#include "support/recording.hpp"

using namespace wasmx;

namespace {

void check(bool holds) {
    if (!holds) std::abort();
}

/// Keeps a layer in memory, for speed.
class Memory final : public image::LayerSink {
public:
    void write(std::span<const std::byte> bytes) override {
        text_->append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    void begun(const std::optional<Digest>&, std::uint64_t) override {}
    void sealed(const std::optional<Digest>&, const oci::Descriptor& form) override {
        check(form.size == text_->size() && form.digest == io::sha256(*text_));
    }
    io::Body body() const override {
        return {.size = text_->size(), .open = [text = text_] { return io::from_string(*text); }};
    }

private:
    std::shared_ptr<std::string> text_ = std::make_shared<std::string>();
};

/// Decisions, one a byte; zeros when there are no more.
class Choices {
public:
    explicit Choices(std::string_view bytes) : rest_(bytes) {}
    std::size_t one_of(std::size_t count) {
        if (rest_.empty()) return 0;
        const auto byte = static_cast<unsigned char>(rest_.front());
        rest_.remove_prefix(1);
        return byte % count;
    }
    std::string text() {
        const std::string_view head = rest_.substr(0, one_of(40));
        rest_.remove_prefix(std::min(head.size(), rest_.size()));
        return std::string(head);
    }
    bool is_over() const { return rest_.empty(); }

private:
    std::string_view rest_;
};

std::string layer_from(Choices& choices) {
    static const std::string heads[] = {"", "\x1f\x8b", "\x28\xb5\x2f\xfd", "{"};
    return heads[choices.one_of(std::size(heads))] + choices.text();
}

void spoil(test::Members& members, Choices& choices) {
    if (members.empty()) return;
    test::Member& one = members[choices.one_of(members.size())];
    const test::Member& other = members[choices.one_of(members.size())];
    switch (choices.one_of(9)) {
        case 0: one.text = choices.text(); break;
        case 1: one.path = other.path; break;
        case 2: one.path = choices.text(); break;
        case 3: one = test::symlink(one.path, other.path); break;
        case 4: one = test::symlink(one.path, "../" + other.path); break;
        case 5: one = test::hardlink(one.path, other.path); break;
        case 6: std::swap(one.text, members.back().text); break;
        case 7: members.pop_back(); break;
        default: members.push_back(other); break;
    }
}

std::string archive_from(Choices& choices) {
    std::vector<std::string> layers(choices.one_of(4));
    for (std::string& layer : layers) layer = layer_from(choices);
    auto ids = nlohmann::json::array();
    for (const std::string& layer : layers) ids.push_back(io::sha256(layer).str());
    const std::string config =
        nlohmann::json{{"os", "linux"}, {"rootfs", {{"type", "layers"}, {"diff_ids", ids}}}}.dump();
    const std::size_t layout = choices.one_of(3);
    const auto path_of = [&](const std::string& layer, std::size_t i) {
        const std::string hex = io::sha256(layer).hex();
        return layout == 0 ? fmt::format("{}/layer.tar", i) : layout == 1 ? "blobs/sha256/" + hex : hex + ".tar";
    };
    const std::string config_path =
        (layout == 1 ? "blobs/sha256/" : "") + io::sha256(config).hex() + (layout == 1 ? "" : ".json");
    test::Members members{test::file(config_path, config)};
    auto paths = nlohmann::json::array();
    for (std::size_t i = 0; i < layers.size(); ++i) {
        members.push_back(test::file(path_of(layers[i], i), layers[i]));
        paths.push_back(members.back().path);
    }
    const auto manifest = nlohmann::json::array({{{"Config", config_path}, {"Layers", paths}}});
    members.push_back(test::file("manifest.json", manifest.dump()));
    for (std::size_t count = choices.one_of(4); count > 0 && !choices.is_over(); --count) spoil(members, choices);
    return test::tar(members);
}

void check_sealed(const image::Sealed& sealed) {
    const auto config = oci::ImageConfig::parse(sealed.config);
    check(sealed.layers.size() == config.diff_ids.size());
    for (std::size_t i = 0; i < sealed.layers.size(); ++i) {
        const image::Layer& layer = sealed.layers[i];
        check(layer.diff_id == config.diff_ids[i]);
        if (!layer.body.open) continue;
        const std::string bytes = io::read_all(*layer.body.open(), 64 << 20);
        check(layer.descriptor.size == bytes.size() && layer.descriptor.digest == io::sha256(bytes));
    }
    (void)oci::Manifest::parse(sealed.manifest().json());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view rest(reinterpret_cast<const char*>(data + 1), size - 1);
    Choices choices(rest);
    const std::string archive = data[0] % 2 == 0 ? std::string(rest) : archive_from(choices);
    // One layer may be known: what claims its name is not read.
    const Digest known = io::sha256(std::string_view());
    image::SealHooks hooks;
    hooks.new_sink = [] { return std::make_unique<Memory>(); };
    if (data[0] % 4 == 3)
        hooks.known = [&](const Digest& id) {
            return id == known ? std::optional(
                                     oci::Descriptor{.media_type = "x", .digest = known, .size = 0, .annotations = {}})
                               : std::nullopt;
        };
    test::Recording progress;
    const auto source = io::from_string(archive);
    try {
        check_sealed(image::seal_export(*source, progress, hooks));
    } catch (const Error& error) {
        check(error.fault() != Fault::bug && printable(error.message()) == error.message());
    }
    return 0;
}
