// SPDX-License-Identifier: Apache-2.0
#include "credentials/authorities.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "base/error.hpp"
#include "base/text.hpp"
#include "io/file.hpp"

namespace wasmx::credentials {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t most_bytes = 4 << 20;

std::vector<fs::path> roots() {
    std::vector<fs::path> out{"/etc/docker/certs.d", "/etc/containers/certs.d"};
    const std::string config = environment("XDG_CONFIG_HOME");
    if (!config.empty())
        out.push_back(fs::path(config) / "containers" / "certs.d");
    else if (!environment("HOME").empty())
        out.push_back(io::home_folder() / ".config" / "containers" / "certs.d");
    // Docker's without root. (docs.docker.com, "Rootless mode")
    if (!config.empty())
        out.push_back(fs::path(config) / "docker" / "certs.d");
    else if (!environment("HOME").empty())
        out.push_back(io::home_folder() / ".config" / "docker" / "certs.d");
    return out;
}

std::vector<fs::path> files_in(const fs::path& folder) {
    std::vector<fs::path> out;
    std::error_code none;
    fs::directory_iterator entry(folder, none);
    for (; !none && entry != fs::directory_iterator(); entry.increment(none)) out.push_back(entry->path());
    std::sort(out.begin(), out.end());
    return out;
}

// nullopt: not there, or not for us to read; what it would allow is not allowed.
std::optional<std::string> find_text(const fs::path& file) {
    try {
        return io::find_file(file, most_bytes);
    } catch (const Error&) {
        return std::nullopt;
    }
}

// The first pair counts. A certificate without its key is a mistake that Docker refuses too.
void add_client(const fs::path& certificate, io::TlsFiles& out) {
    if (!out.certificate.empty()) return;
    const auto text = find_text(certificate);
    if (!text) return;
    const fs::path key = fs::path(certificate).replace_extension(".key");
    auto secret = find_text(key);
    if (!secret)
        throw Error(Fault::config,
                    fmt::format("the client certificate {} has no key that can be read: {}", certificate.string(),
                                key.string()),
                    "put the key there, for this user to read; an authority's certificate is named *.crt");
    out.certificate = *text;
    out.key = Secret(*std::move(secret));
}

}  // namespace

io::TlsFiles tls_files_of(const std::string& host, int port) {
    constexpr int https = 443;
    const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";  // RFC 3986, 3.2.2
    std::vector<std::string> names{name + ":" + std::to_string(port)};
    if (port == https) names.push_back(name);
    io::TlsFiles out;
    for (const fs::path& root : roots())
        for (const std::string& one : names)
            for (const fs::path& file : files_in(root / one)) {
                if (file.extension() == ".crt") out.authorities += find_text(file).value_or("") + "\n";
                if (file.extension() == ".cert") add_client(file, out);
            }
    return out;
}

}  // namespace wasmx::credentials
