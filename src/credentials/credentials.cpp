// SPDX-License-Identifier: Apache-2.0
#include "credentials/credentials.hpp"

#include <vector>

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
    if (const std::string runtime = environment("XDG_RUNTIME_DIR"); !runtime.empty())
        files.push_back(fs::path(runtime) / "containers" / "auth.json");
    if (has_home) {
        const std::string config = environment("XDG_CONFIG_HOME");
        files.push_back((config.empty() ? io::home_folder() / ".config" : fs::path(config)) / "containers" /
                        "auth.json");
    }
    return files;
}

std::optional<Credential> find_in(const ConfigFile& file, const std::string& registry, const std::string& repository,
                                  const std::stop_token& stop) {
    if (const auto helper = file.find_helper(registry, repository)) {
        if (auto credential = ask_helper(*helper, registry, file.name(), stop)) return credential;
    }
    return file.find_stored(registry, repository);
}

}  // namespace

fs::path docker_config_folder() {
    const std::string chosen = environment("DOCKER_CONFIG");
    return chosen.empty() ? io::home_folder() / ".docker" : fs::path(chosen);
}

std::optional<Credential> find(const std::string& registry, const std::string& repository,
                               const std::stop_token& stop) {
    if (const std::string json = environment("DOCKER_AUTH_CONFIG"); !json.empty()) {
        // Only its `auths` count (docker/cli, cli/config/configfile/file.go): a variable starts no program.
        if (auto credential = ConfigFile::parse(json, "$DOCKER_AUTH_CONFIG").find_stored(registry, repository))
            return credential;
    }
    for (const fs::path& path : files_to_read()) {
        const auto text = io::find_file(path);
        if (!text) continue;
        if (auto credential = find_in(ConfigFile::parse(*text, path.string()), registry, repository, stop))
            return credential;
    }
    return std::nullopt;
}

}  // namespace wasmx::credentials
