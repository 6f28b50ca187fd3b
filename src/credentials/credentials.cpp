// SPDX-License-Identifier: Apache-2.0
#include "credentials/credentials.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <vector>

#include "base/error.hpp"
#include "base/text.hpp"
#include "credentials/config_file.hpp"
#include "credentials/helper.hpp"
#include "io/file.hpp"

namespace wasmx::credentials {

namespace fs = std::filesystem;

namespace {

// HOME may be unset where a service runs us, and then the variables alone decide.
std::vector<fs::path> files_to_read() {
    std::vector<fs::path> files;
    const bool has_home = !environment("HOME").empty();
    if (has_home || !environment("DOCKER_CONFIG").empty()) files.push_back(docker_config_folder() / "config.json");
    // (containers-auth.json(5))
    if (const std::string chosen = environment("REGISTRY_AUTH_FILE"); !chosen.empty()) files.emplace_back(chosen);
    const std::string runtime = environment("XDG_RUNTIME_DIR");
    files.push_back((runtime.empty() ? fs::path("/run/containers") / std::to_string(::getuid())
                                     : fs::path(runtime) / "containers") /
                    "auth.json");
    if (has_home) {
        const std::string config = environment("XDG_CONFIG_HOME");
        files.push_back((config.empty() ? io::home_folder() / ".config" : fs::path(config)) / "containers" /
                        "auth.json");
    }
    return files;
}

std::vector<std::string> token_services_of(const std::string& registry) {
    std::vector<std::string> out;
    const std::string list = environment("WASMX_TRUST_TOKEN_SERVICE");
    for (const auto entry : split(list, ',')) {
        const auto equals = entry.find('=');
        if (equals != std::string_view::npos && lower(trim(entry.substr(0, equals))) == lower(registry))
            out.push_back(lower(trim(entry.substr(equals + 1))));
    }
    return out;
}

/// Asks one source after the other; one that is broken does not end the search.
class Search {
public:
    Search(const std::string& registry, const std::string& repository, const std::stop_token& stop)
        : registry_(registry), repository_(repository), stop_(stop) {}

    std::optional<Credential> run() {
        if (const std::string json = environment("DOCKER_AUTH_CONFIG"); !json.empty()) {
            // Only its `auths` count (docker/cli, cli/config/configfile/file.go): a variable starts no program.
            if (auto found = from(
                    [&] { return ConfigFile::parse(json, "$DOCKER_AUTH_CONFIG").find_stored(registry_, repository_); }))
                return found;
        }
        for (const fs::path& path : files_to_read()) {
            std::optional<ConfigFile> file;
            (void)from([&] {
                if (auto text = read(path)) file = ConfigFile::parse(*text, path.string());
                return std::optional<Credential>();
            });
            if (!file) continue;
            if (const auto helper = file->find_helper(registry_, repository_)) {
                if (auto found = from([&] { return ask_helper(*helper, registry_, path.string(), stop_); }))
                    return found;
            }
            if (auto found = from([&] { return file->find_stored(registry_, repository_); })) return found;
        }
        return std::nullopt;
    }

    const std::vector<Error>& broken() const { return broken_; }

private:
    static std::optional<std::string> read(const fs::path& path) {
        std::error_code none;
        const fs::path folder = path.parent_path();
        if (fs::exists(folder, none) && !fs::is_directory(folder, none))
            throw Error(Fault::config,
                        fmt::format("{} cannot be read: {} is no folder", path.string(), folder.string()),
                        "$DOCKER_CONFIG names the folder that holds config.json");
        try {
            return io::find_file(path);
        } catch (const Error& error) {
            throw Error(Fault::config, fmt::format("{} cannot be read: {}", path.string(), error.message()),
                        "make it a file that this user may read, or remove it");
        }
    }

    template <class Look>
    std::optional<Credential> from(Look&& look) {
        try {
            return look();
        } catch (const Error& error) {
            if (error.fault() != Fault::config) throw;
            broken_.push_back(error);
            return std::nullopt;
        }
    }

    const std::string& registry_;
    const std::string& repository_;
    const std::stop_token& stop_;
    std::vector<Error> broken_;
};

}  // namespace

fs::path docker_config_folder() {
    const std::string chosen = environment("DOCKER_CONFIG");
    return chosen.empty() ? io::home_folder() / ".docker" : fs::path(chosen);
}

std::optional<Credential> find(const std::string& registry, const std::string& repository, const std::stop_token& stop,
                               const std::function<void(const std::string&)>& warn) {
    Search search(registry, repository, stop);
    auto found = search.run();
    if (!found && !search.broken().empty()) throw search.broken().front();
    for (const Error& error : search.broken())
        if (warn) warn(fmt::format("{}; the login in {} is used", error.message(), found->origin));
    if (found) found->token_services = token_services_of(registry);
    return found;
}

}  // namespace wasmx::credentials
