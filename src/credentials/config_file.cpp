// SPDX-License-Identifier: Apache-2.0
#include "credentials/config_file.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "io/base64.hpp"
#include "io/json.hpp"

namespace wasmx::credentials {

namespace {

using Json = nlohmann::json;

// In any case, as Go reads JSON, hence docker: "CredsStore" is "credsStore".
const Json* find_member(const Json& object, const char* key) {
    if (const auto exact = object.find(key); exact != object.end()) return &*exact;
    for (const auto& [name, value] : object.items())
        if (lower(name) == lower(key)) return &value;
    return nullptr;
}

std::string text_or_empty(const Json& object, const char* key) {
    const Json* found = find_member(object, key);
    return found == nullptr || found->is_null() ? std::string() : found->get<std::string>();
}

Secret secret_or_empty(const Json& object, const char* key) { return Secret(text_or_empty(object, key)); }

// An absent or null member is an empty object; one of another type throws, as at `items()` it would not.
std::map<std::string, Json> members(const Json& object, const char* key) {
    const Json* found = find_member(object, key);
    if (found == nullptr || found->is_null()) return {};
    return found->get<std::map<std::string, Json>>();
}

// What follows the host in a key, without the versions that old clients wrote: "ghcr.io/kong/" is of "kong".
std::string folder_of_key(std::string_view key) {
    if (const auto scheme = key.find("://"); scheme != std::string_view::npos) key.remove_prefix(scheme + 3);
    const auto slash = std::min(key.find('/'), key.size());
    std::string_view folder = key.substr(std::min(slash + 1, key.size()));
    while (folder.ends_with('/')) folder.remove_suffix(1);
    return folder == "v1" || folder == "v2" ? std::string() : std::string(folder);
}

// Whole hosts and whole folders are compared, never parts: a look-alike must not get a secret. The longest folder wins
// (containers-auth.json(5)), of the same the key that is just the host's name.
template <class Value>
const Value* find_for(const std::map<std::string, Value>& by_key, const std::string& registry,
                      const std::string& repository, bool (*is_usable)(const Value&)) {
    const std::string host = host_of_key(registry);
    const Value* found = nullptr;
    std::pair<std::size_t, bool> best;
    for (const auto& [key, value] : by_key) {
        const std::string folder = folder_of_key(key);
        const bool holds = folder.empty() || (repository + "/").starts_with(folder + "/");
        if (host_of_key(key) != host || !holds || !is_usable(value)) continue;
        const std::pair<std::size_t, bool> rank{folder.size(), key == registry};
        if (found != nullptr && rank <= best) continue;
        found = &value;
        best = rank;
    }
    return found;
}

}  // namespace

std::string host_of_key(std::string_view key) {
    if (const auto scheme = key.find("://"); scheme != std::string_view::npos) key.remove_prefix(scheme + 3);
    std::string host = lower(key.substr(0, key.find('/')));
    if (host == "index.docker.io" || host == "registry-1.docker.io") return "docker.io";
    return host;
}

ConfigFile::Entry ConfigFile::entry_of(const nlohmann::json& json) {
    if (json.is_null()) return {};
    if (!json.is_object()) return {.is_broken = true};
    try {
        return {.auth = secret_or_empty(json, "auth"),
                .username = text_or_empty(json, "username"),
                .password = secret_or_empty(json, "password"),
                .identity_token = secret_or_empty(json, "identitytoken"),
                .registry_token = secret_or_empty(json, "registrytoken")};
    } catch (const Json::exception&) {
        return {.is_broken = true};
    }
}

ConfigFile ConfigFile::parse(std::string_view text, std::string name) {
    ConfigFile file;
    file.name_ = std::move(name);
    const auto broken = [&](std::string_view why) {
        return Error(Fault::config, fmt::format("{} cannot be read: {}", file.name_, why),
                     file.name_.starts_with('$')
                         ? fmt::format("set {} anew: it holds the JSON of a config.json itself", file.name_)
                         : "fix or remove it, then log in again with `docker login`");
    };
    if (trim(text).starts_with('/')) throw broken("it is the path of a file, and no JSON");
    if (trim(text).empty()) return file;  // Docker takes an empty file for an empty object
    try {
        const Json json = io::parse_json(text);
        if (!json.is_object()) throw broken("it is no JSON object");
        file.store_ = text_or_empty(json, "credsStore");
        // What is wrong about one registry is no matter to the others.
        for (const auto& [key, helper] : members(json, "credHelpers"))
            file.helpers_.emplace(key, helper.is_string() ? helper.get<std::string>() : std::string());
        for (const auto& [key, entry] : members(json, "auths")) file.entries_.emplace(key, entry_of(entry));
    } catch (const Json::parse_error& error) {
        // Only the place: what the library says quotes the text, and that holds secrets.
        throw broken(fmt::format("it is no JSON (byte {})", error.byte));
    } catch (const Json::exception&) {
        throw broken("a member is not of the type that it should have");
    } catch (const Error& error) {
        if (error.fault() == Fault::config) throw;
        throw broken(error.message());
    }
    return file;
}

std::optional<std::string> ConfigFile::find_helper(const std::string& registry, const std::string& repository) const {
    const auto is_named = [](const std::string& name) { return !name.empty(); };
    if (const std::string* helper = find_for<std::string>(helpers_, registry, repository, is_named)) return *helper;
    if (!store_.empty()) return store_;
    return std::nullopt;
}

std::optional<Credential> ConfigFile::find_stored(const std::string& registry, const std::string& repository) const {
    const auto holds_some = [](const Entry& entry) {
        return entry.is_broken || !(entry.auth.empty() && entry.username.empty() && entry.password.empty() &&
                                    entry.identity_token.empty() && entry.registry_token.empty());
    };
    const Entry* entry = find_for<Entry>(entries_, registry, repository, holds_some);
    return entry == nullptr ? std::nullopt : std::optional(credential_from(registry, *entry));
}

Credential ConfigFile::credential_from(const std::string& registry, const Entry& entry) const {
    const auto broken = [&](std::string_view why) {
        return Error(Fault::config, fmt::format("{}: the entry of {} {}", name_, registry, why),
                     fmt::format("log in again: docker login {}", registry));
    };
    if (entry.is_broken) throw broken("is not as it should be");
    Credential out;
    out.username = entry.username;
    out.password = entry.password;
    out.origin = name_;
    if (!entry.auth.empty()) {
        // `base64` breaks lines, and Go's decoder skips their ends.
        std::string letters(trim(entry.auth.reveal()));
        std::erase_if(letters, [](char c) { return c == '\n' || c == '\r'; });
        const auto decoded = io::base64_decode(letters);
        if (!decoded) throw broken("has an \"auth\" that is no base64");
        const auto colon = decoded->find(':');  // the first: passwords may have more (RFC 7617, 2)
        if (colon == std::string::npos || colon == 0) throw broken("has an \"auth\" that is not user:password");
        out.username = decoded->substr(0, colon);
        std::string password = decoded->substr(colon + 1);
        while (!password.empty() && password.back() == '\0') password.pop_back();  // as docker/cli's decodeAuth
        out.password = Secret(std::move(password));
    }
    // At most one of the three stays: a token is what the registry itself handed out, so it beats the password.
    if (!entry.registry_token.empty()) {
        out.password = Secret();
        out.registry_token = entry.registry_token;
    } else if (!entry.identity_token.empty()) {
        out.password = Secret();
        out.identity_token = entry.identity_token;
    } else if (out.username.empty() || out.password.empty()) {
        throw broken("has no user or no password");
    }
    return out;
}

}  // namespace wasmx::credentials
