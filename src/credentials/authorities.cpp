// SPDX-License-Identifier: Apache-2.0
#include "credentials/authorities.hpp"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "base/error.hpp"
#include "base/text.hpp"
#include "io/file.hpp"

namespace wasmx::credentials {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t most_certificates = 4 << 20;

std::vector<fs::path> roots() {
    std::vector<fs::path> out{"/etc/docker/certs.d", "/etc/containers/certs.d"};
    const std::string config = environment("XDG_CONFIG_HOME");
    if (!config.empty())
        out.push_back(fs::path(config) / "containers" / "certs.d");
    else if (!environment("HOME").empty())
        out.push_back(io::home_folder() / ".config" / "containers" / "certs.d");
    return out;
}

std::vector<fs::path> certificates_in(const fs::path& folder) {
    std::vector<fs::path> out;
    std::error_code none;
    fs::directory_iterator entry(folder, none);
    for (; !none && entry != fs::directory_iterator(); entry.increment(none))
        if (entry->path().extension() == ".crt") out.push_back(entry->path());
    std::sort(out.begin(), out.end());
    return out;
}

}  // namespace

std::string authorities_of(const std::string& host, int port) {
    constexpr int https = 443;
    const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";  // RFC 3986, 3.2.2
    std::vector<std::string> names{name + ":" + std::to_string(port)};
    if (port == https) names.push_back(name);
    std::string out;
    for (const fs::path& root : roots())
        for (const std::string& one : names)
            for (const fs::path& file : certificates_in(root / one)) try {
                    out += io::find_file(file, most_certificates).value_or("") + "\n";
                } catch (const Error&) {  // not for us to read: what it would allow is not allowed
                }
    return out;
}

}  // namespace wasmx::credentials
