// SPDX-License-Identifier: Apache-2.0
// Docker's config.json: whatever it holds, it is read or refused as a fault of the file, a look-alike host gets
// nothing, and no message quotes a secret.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/error.hpp"
#include "credentials/config_file.hpp"

using namespace wasmx;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

void look_up(const credentials::ConfigFile& file, const std::string& registry) {
    try {
        (void)file.find_helper(registry, "kong/x");
        const auto found = file.find_stored(registry, "kong/x");
        if (!found) return;
        // Exactly one of the three.
        require(static_cast<int>(!found->password.empty()) + static_cast<int>(!found->identity_token.empty()) +
                    static_cast<int>(!found->registry_token.empty()) ==
                1);
    } catch (const Error& error) {
        require(error.fault() == Fault::config);
        require(error.message().find("s3cret") == std::string::npos &&
                error.hint().find("s3cret") == std::string::npos);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    try {
        const auto file = credentials::ConfigFile::parse(text, "config.json");
        for (const char* registry : {"ghcr.io", "docker.io", "127.0.0.1:5000", "[::1]:5000"}) look_up(file, registry);
        if (text.find("example.org") == std::string::npos && text.find('\\') == std::string::npos) {
            require(!file.find_stored("example.org", "kong/x"));
        }
    } catch (const Error& error) {
        require(error.fault() == Fault::config);
        require(error.message().find("s3cret") == std::string::npos);
    }
    return 0;
}
