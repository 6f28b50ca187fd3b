// SPDX-License-Identifier: Apache-2.0
#include "credentials/helper.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/text.hpp"
#include "io/json.hpp"
#include "io/process.hpp"

namespace wasmx::credentials {

namespace {

using Json = nlohmann::json;

// A helper may wait for somebody to unlock a keyring, and on a server nobody does.
constexpr std::chrono::seconds patience{30};
constexpr std::string_view token_user = "<token>";

// Helpers keep Docker Hub under the address that `docker login` has always used.
std::string key_of(const std::string& registry) {
    return registry == "docker.io" ? "https://index.docker.io/v1/" : registry;
}

bool is_file_name(std::string_view name) { return !name.empty() && name.find('/') == std::string_view::npos; }

io::ProcessResult call(const std::string& program, const std::string& registry, const std::string& file,
                       const std::stop_token& stop) {
    io::ProcessCommand command;
    command.argv = {program, "get"};
    command.input = key_of(registry);
    // Helpers are the user's own, and live on variables of his (AWS_PROFILE, GNUPGHOME, DBUS_SESSION_BUS_ADDRESS …), as
    // under docker; our own login, and what a runner gives to its actions alone, is none of their business.
    command.env = {"DOCKER_AUTH_CONFIG", "ACTIONS_RUNTIME_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"};
    command.limit = patience;
    try {
        return io::run(command, stop);
    } catch (const Error& error) {
        if (error.fault() == Fault::interrupted) throw;
        if (error.fault() == Fault::not_found)
            throw Error(Fault::config, fmt::format("{} asks for {}, which is not installed", file, program),
                        fmt::format("put {} on PATH, or take credsStore and credHelpers out of {} and run "
                                    "`docker login {}` again",
                                    program, file, registry));
        throw Error(Fault::config, fmt::format("{} (named in {}): {}", program, file, error.message()),
                    "unlock its keyring and run the same command again, or use $DOCKER_AUTH_CONFIG");
    }
}

}  // namespace

std::optional<Credential> ask_helper(const std::string& name, const std::string& registry, const std::string& file,
                                     const std::stop_token& stop) {
    if (!is_file_name(name))
        throw Error(Fault::config,
                    fmt::format("{} names a credential helper that is no program: \"{}\"", file, printable(name)));
    const std::string program = "docker-credential-" + name;
    const io::ProcessResult result = call(program, registry, file, stop);
    // The protocol knows failures by their text alone; helpers print it to either stream.
    const auto says = [&](std::string_view text) {
        return result.out.find(text) != std::string::npos || result.err.find(text) != std::string::npos;
    };
    const auto failed = [&](std::string_view why) {
        return Error(
            Fault::config, fmt::format("{} (named in {}) {}", program, file, why),
            fmt::format("try it: echo {} | {} get; then `docker login {}`", key_of(registry), program, registry));
    };
    if (result.exit_code != 0) {
        if (says("credentials not found in native keychain")) return std::nullopt;
        // A helper may have answered before it failed: what is JSON has the secret in it.
        const bool has_answered = trim(result.out).empty() || result.out.find('{') != std::string::npos;
        const std::string said = printable(trim(has_answered ? result.err : result.out));
        throw failed(fmt::format("failed (exit {}): {}", result.exit_code, clipped(said, 300)));
    }
    Credential out;
    out.origin = fmt::format("{} ({})", program, file);
    try {
        const Json json = io::parse_json(result.out);
        out.username = json.at("Username").get<std::string>();
        out.password = Secret(json.at("Secret").get<std::string>());
    } catch (const Json::exception&) {  // whose text may quote the secret
        throw failed("did not answer with Username and Secret");
    } catch (const Error& error) {
        throw failed(error.message());
    }
    if (out.password.empty()) return std::nullopt;
    if (out.username == token_user) {
        out.username.clear();
        out.identity_token = std::exchange(out.password, Secret());
    }
    return out;
}

}  // namespace wasmx::credentials
