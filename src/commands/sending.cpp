// SPDX-License-Identifier: Apache-2.0
#include "commands/sending.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "commands/github_actions.hpp"
#include "commands/registry_access.hpp"
#include "image/package_note.hpp"
#include "push/push.hpp"
#include "recipe/provenance.hpp"

namespace wasmx::commands {

namespace {

// What earlier pushes have left; nothing where there is no place for it.
std::unique_ptr<image::LayerCache> layer_cache(App& app, const std::string& folder) {
    constexpr std::uint64_t most_bytes = 10ULL << 30;
    std::filesystem::path path = folder;
    const bool has_place = io::find_home_folder() || !environment("XDG_CACHE_HOME").empty();
    if (path.empty() && has_place) path = io::cache_folder() / "push";
    return std::make_unique<image::LayerCache>(std::move(path), most_bytes,
                                               [&app](const std::string& line) { app.progress.warn(line); });
}

// The base image that the labels name, when it is in another repository of the target's registry.
std::optional<oci::Reference> base_beside(const std::map<std::string, std::string>& labels,
                                          const oci::Reference& target) {
    const auto name = labels.find(std::string(recipe::base_name_label));
    const auto digest = labels.find(std::string(recipe::base_digest_label));
    if (name == labels.end() || digest == labels.end()) return std::nullopt;
    const auto parsed = Digest::try_parse(digest->second);
    if (!parsed) return std::nullopt;
    try {
        const auto base = oci::Reference::parse(name->second);
        const bool is_beside = base.registry() == target.registry() && base.repository() != target.repository();
        return is_beside ? std::optional(base.with_digest(*parsed)) : std::nullopt;
    } catch (const Error&) {  // a label may say anything
        return std::nullopt;
    }
}

push::Via via_from(const std::string& text) {
    if (text == "store") return push::Via::store;
    return text == "export" ? push::Via::exported : push::Via::automatic;
}

io::Compression compression_from(const std::string& text) {
    io::Compression out;
    const auto colon = text.find(':');
    const std::string_view kind = std::string_view(text).substr(0, colon);
    if (kind == "zstd") {
        out.kind = io::Compression::Kind::zstd;
    } else if (!kind.empty() && kind != "gzip") {
        throw Error(Fault::usage, fmt::format("there is no compression \"{}\"", printable(kind)),
                    "it is gzip, which everybody reads, or zstd, with a level if need be: zstd:19");
    }
    if (colon == std::string::npos) return out;
    const auto level = parse_number(std::string_view(text).substr(colon + 1));
    const auto [lowest, highest, usual] = io::levels_of(out.kind);
    if (!level || *level < static_cast<std::uint64_t>(lowest) || *level > static_cast<std::uint64_t>(highest))
        throw Error(Fault::usage,
                    fmt::format("--compression {}: {} has the levels {} to {}", printable(text), kind, lowest, highest),
                    fmt::format("{} is the usual", usual));
    out.level = static_cast<int>(*level);
    return out;
}

unsigned uploads_from(const Arguments& arguments) {
    constexpr unsigned usual = 4;
    constexpr unsigned most = 32;
    if (!arguments.has("--max-concurrent-uploads")) return usual;
    const std::string text = arguments.text("--max-concurrent-uploads");
    const auto number = parse_number(text);
    if (!number || *number < 1 || *number > most)
        throw Error(Fault::usage,
                    fmt::format("--max-concurrent-uploads {}: it is a number from 1 to {}", printable(text), most),
                    "registries limit how often they are asked; 4 is the usual");
    return static_cast<unsigned>(*number);
}

}  // namespace

void check_sending(const Arguments& arguments) {
    (void)compression_from(arguments.text("--compression"));
    (void)uploads_from(arguments);
}

oci::Annotations annotations_of(const recipe::Recipe& recipe, const artifact::Summary& package,
                                const std::map<std::string, std::string>& labels) {
    oci::Annotations out;
    for (const auto& [name, value] : labels)
        if (name.starts_with("org.opencontainers.image.")) out.emplace(name, value);
    image::PackageNote{.path = recipe.package_path(), .size = package.size, .digest = package.digest}.add_to(out);
    return out;
}

void send(App& app, const Arguments& arguments, engine::Engine& engine, registry::Repository& repository,
          const Sending& sending) {
    push::PushOptions options{sending.image, sending.info, sending.target, sending.admitted};
    options.engine_info = sending.engine_info;
    options.compression = compression_from(arguments.text("--compression"));
    options.parallel = uploads_from(arguments);
    options.via = via_from(arguments.text("--via"));
    options.base = base_beside(sending.info.labels, sending.target);
    std::optional<registry::Repository> base;
    if (options.base)
        options.base_repository =
            &base.emplace(app.http, *options.base, user_access(app, *options.base, registry::Access::pull));
    const auto cache = layer_cache(app, arguments.text("--cache-dir"));
    const auto pushed = push::push_image(engine, repository, *cache, options, app.progress);
    app.result(arguments.has("--json") ? json_of(pushed) : pushed.reference);
    // As actions that sign and attest want them.
    set_output("reference", pushed.reference);
    set_output("digest", pushed.digest.str());
}

}  // namespace wasmx::commands
