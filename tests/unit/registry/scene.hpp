// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/error.hpp"
#include "registry/fake_clock.hpp"
#include "registry/registry.hpp"
#include "support/error_of.hpp"
#include "support/http_server.hpp"

namespace wasmx::registry {

inline const std::string repository_path = "/v2/kong/x/";
inline const std::string secret_word = "s3cret";

inline credentials::Credential otto() {
    credentials::Credential credential;
    credential.username = "otto";
    credential.password = Secret(secret_word);
    credential.origin = "/home/otto/.docker/config.json";
    return credential;
}

inline oci::Descriptor blob_of(const std::string& bytes) {
    return {.media_type = std::string(oci::media_type::oci_layer_gzip),
            .digest = io::sha256(bytes),
            .size = bytes.size(),
            .annotations = {}};
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// A registry and a token service that follow scripts, and a repository that speaks to them.
class Scene {
public:
    using Step = test::Script::Step;

    /// The first step of every registry is the question, without credentials, whether it speaks plain HTTP.
    explicit Scene(std::vector<Step> registry_steps, std::vector<Step> token_steps = {})
        : registry_script(with_greeting(std::move(registry_steps))),
          token_script(std::move(token_steps)),
          tokens([this](const test::Seen& seen) { return token_script(seen); }),
          registry([this](const test::Seen& seen) { return filled_in(registry_script(seen)); }) {}

    Repository& pulling(std::optional<credentials::Credential> credential = {}) {
        return open(Access::pull, std::move(credential));
    }
    Repository& pushing(std::optional<credentials::Credential> credential = otto()) {
        return open(Access::push, std::move(credential));
    }

    /// All that was asked, without the greeting.
    std::vector<test::Seen> seen() const {
        auto all = registry.seen();
        if (!all.empty()) all.erase(all.begin());
        return all;
    }
    /// The repository goes away.
    void close() { repository_.reset(); }
    void check() const {
        CHECK(registry_script.verdict() == "");
        CHECK(token_script.verdict() == "");
    }

    FakeClock clock;
    std::vector<std::string> warnings;
    test::Script registry_script;
    test::Script token_script;
    test::HttpServer tokens;
    test::HttpServer registry;

private:
    static std::vector<Step> with_greeting(std::vector<Step> steps) {
        steps.insert(steps.begin(), {"GET /v2/", {.status = 401}});
        return steps;
    }

    // Scripts are written before the ports are known.
    test::Reply filled_in(test::Reply reply) const {
        for (auto& [name, value] : reply.headers) {
            for (const auto& [mark, url] :
                 {std::pair{std::string("{host}"), registry.host()}, std::pair{std::string("{tokens}"), tokens.url()},
                  std::pair{std::string("{registry}"), registry.url()}}) {
                if (const auto at = value.find(mark); at != std::string::npos) value.replace(at, mark.size(), url);
            }
        }
        return reply;
    }

    Repository& open(Access access, std::optional<credentials::Credential> credential) {
        Repository::Options options;
        options.access = access;
        options.credential = [credential] { return credential; };
        options.warn = [this](const std::string& line) { warnings.push_back(line); };
        options.clock = &clock;
        repository_ = std::make_unique<Repository>(http_, oci::Reference::parse(registry.host() + "/kong/x"), options);
        return *repository_;
    }

    io::HttpClient http_{{}, "unit-test"};
    std::unique_ptr<Repository> repository_;
};

/// "Come back with a token."
inline test::Reply challenge(const std::string& more = {}) {
    return {.status = 401, .headers = {{"WWW-Authenticate", R"(Bearer realm="{tokens}/token",service="r")" + more}}};
}

inline test::Reply token(const std::string& value, int expires_in = 300) {
    return {.body = R"({"token":")" + value + R"(","expires_in":)" + std::to_string(expires_in) + "}"};
}

inline test::Reply complaint(int status, const std::string& code, const std::string& message = {}) {
    return {.status = status, .body = R"({"errors":[{"code":")" + code + R"(","message":")" + message + R"("}]})"};
}

inline const std::string pull_token = "GET /token?service=r&scope=repository%3Akong%2Fx%3Apull";
inline const std::string push_token_of_otto =
    "GET /token?service=r&scope=repository%3Akong%2Fx%3Apull%2Cpush&account=otto";

using test::error_of;

}  // namespace wasmx::registry
