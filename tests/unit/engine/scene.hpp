// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "engine/engine.hpp"
#include "support/error_of.hpp"
#include "support/folder.hpp"
#include "support/http_server.hpp"

namespace wasmx::engine {

inline test::Reply pong(const std::string& api = "1.41", std::vector<std::pair<std::string, std::string>> more = {}) {
    std::vector<std::pair<std::string, std::string>> headers{{"Api-Version", api}, {"Ostype", "linux"}};
    for (auto& header : more) headers.push_back(std::move(header));
    return {.headers = std::move(headers), .body = "OK"};
}

inline test::Reply podman_pong() { return pong("1.41", {{"Libpod-Api-Version", "4.3.1"}, {"Builder-Version", ""}}); }

inline test::Reply json_reply(int status, const std::string& body) {
    return {.status = status, .headers = {{"Content-Type", "application/json"}}, .body = body};
}

/// An engine that follows a script, and our side of it.
class Scene {
public:
    using Step = test::Script::Step;

    explicit Scene(std::vector<Step> steps, const test::Reply& ping = pong())
        : script_(with_ping(std::move(steps), ping)),
          socket_(folder_.path() / "engine.sock"),
          server_([this](const test::Seen& seen) { return script_(seen); }, socket_) {}

    Engine& engine() {
        if (!engine_) engine_.emplace(http_, Endpoint{socket_, "--host"});
        return *engine_;
    }
    std::string verdict() const { return script_.verdict(); }
    const std::string& socket() const { return socket_; }
    int connections() const { return server_.connections(); }
    /// What came after the ping.
    std::vector<test::Seen> seen() const {
        auto all = server_.seen();
        if (!all.empty()) all.erase(all.begin());
        return all;
    }

private:
    static std::vector<Step> with_ping(std::vector<Step> steps, const test::Reply& ping) {
        steps.insert(steps.begin(), Step{"GET /_ping", ping});
        return steps;
    }

    test::Folder folder_;
    test::Script script_;
    std::string socket_;
    test::HttpServer server_;
    io::HttpClient http_{std::stop_token(), "test"};
    std::optional<Engine> engine_;
};

using test::error_of;

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace wasmx::engine
