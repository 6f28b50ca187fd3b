// SPDX-License-Identifier: Apache-2.0
#include "build/package.hpp"

#include <optional>
#include <vector>

#include "base/text.hpp"
#include "io/file.hpp"
#include "io/json.hpp"
#include "io/tar.hpp"
#include "recipe/provenance.hpp"

namespace wasmx::build {

namespace {

constexpr const char* sum_suffix = ".sha256";
constexpr const char* record_suffix = ".build.json";
constexpr std::size_t most_sum_bytes = 4096;
constexpr std::size_t most_record_bytes = std::size_t{64} * 1024;

void write_beside(const std::filesystem::path& path, const std::string& text) {
    io::AtomicFile file(path);
    file.write(io::bytes_of(text));
    file.finish();
}

std::string record_in(const Open& open, const std::string& path) {
    try {
        return io::read_all(*open(path), most_record_bytes);
    } catch (const Error& error) {
        if (error.fault() != Fault::not_found) throw;
        return {};
    }
}

}  // namespace

Package read_package(const Open& open, const recipe::Recipe& recipe, const std::filesystem::path& folder,
                     std::string record) {
    const std::string name = recipe.package_name();
    std::optional<io::AtomicFile> file;
    if (!folder.empty()) {
        std::filesystem::create_directories(folder);
        file.emplace(folder / name);
    }
    auto bytes = open(recipe.package_path());
    if (file) bytes = io::teed(std::move(bytes), *file);
    Package out{.summary = artifact::inspect(std::move(bytes), artifact::contract_of(recipe)),
                .sum_file = io::read_all(*open(recipe.package_path() + sum_suffix), most_sum_bytes),
                .record = std::move(record)};
    artifact::check_sha256_file(out.sum_file, name, out.summary.digest);
    if (out.record.empty()) out.record = record_in(open, recipe.package_path() + record_suffix);
    if (file) {
        file->finish();
        write_beside(folder / (name + sum_suffix), out.sum_file);
        if (!out.record.empty()) write_beside(folder / (name + record_suffix), out.record);
    }
    return out;
}

io::Body package_layer(const Package& package, const recipe::Recipe& recipe, const Open& open, std::int64_t date) {
    return {.size = {}, .open = [&package, &recipe, open, date] {
                const auto folder = [&](const std::string& path) {
                    io::TarEntry out{.path = path, .type = io::TarEntry::Type::directory, .target = {}};
                    out.mode = 0755;
                    out.mtime = date;
                    return io::TarMember{out, {}};
                };
                const auto file = [&](const std::string& path, std::uint64_t size, auto content) {
                    io::TarEntry out{.path = path, .type = io::TarEntry::Type::file, .target = {}};
                    out.size = size;
                    out.mode = 0644;
                    out.mtime = date;
                    return io::TarMember{out, content};
                };
                const std::string path = recipe.package_path().substr(1);
                const std::string dist = path.substr(0, path.rfind('/'));
                std::vector<io::TarMember> members;
                // The folder above as well: its date would change with what is put into it.
                members.push_back(folder(dist.substr(0, dist.find('/'))));
                members.push_back(folder(dist));
                members.push_back(file(path, package.summary.size, [&package, &recipe, open] {
                    return io::verified(open(recipe.package_path()), package.summary.digest, package.summary.size);
                }));
                members.push_back(file(path + sum_suffix, package.sum_file.size(),
                                       [&package] { return io::from_string(package.sum_file); }));
                if (!package.record.empty())
                    members.push_back(file(path + record_suffix, package.record.size(),
                                           [&package] { return io::from_string(package.record); }));
                return io::tar_of([members, next = std::size_t{0}]() mutable -> std::optional<io::TarMember> {
                    if (next == members.size()) return std::nullopt;
                    return members[next++];
                });
            }};
}

std::string build_record(const recipe::Recipe& recipe, const std::map<std::string, std::string>& labels,
                         const BaseImage& base, const std::map<std::string, std::string>& facts) {
    const auto label = [&](std::string_view name) {
        const auto found = labels.find(std::string(name));
        return found == labels.end() ? nlohmann::ordered_json() : nlohmann::ordered_json(found->second);
    };
    nlohmann::ordered_json out{{"package", recipe.package_name()},
                               {"runtime", name_of(recipe.runtime)},
                               {"version", recipe.version},
                               {"platform", recipe.platform.docker_platform()},
                               {"source", label("org.opencontainers.image.source")},
                               {"revision", label(recipe::revision_label)},
                               {"base", {{"name", base.name}, {"layers", nlohmann::json::array()}}}};
    // Not its ID, which is not the same on every engine.
    for (const Digest& layer : base.diff_ids) out["base"]["layers"].push_back(layer.str());
    for (const auto& [name, value] : facts) out["build"][name] = value;
    if (const auto processors = facts.find("processors"); processors != facts.end())
        if (const auto count = parse_number(processors->second)) out["build"]["jobs"] = recipe::ninja_jobs(*count);
    return io::json_text(out, 2) + "\n";
}

}  // namespace wasmx::build
