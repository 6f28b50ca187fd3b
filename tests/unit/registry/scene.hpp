// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
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

    /// Before every script there is the question, without credentials, whether the registry speaks plain HTTP.
    explicit Scene(std::vector<Step> registry_steps, std::vector<Step> token_steps = {},
                   test::Reply greeting = {.status = 401})
        : registry_script(std::move(registry_steps)),
          token_script(std::move(token_steps)),
          tokens([this](const test::Seen& seen) { return token_script(seen); }),
          registry([this](const test::Seen& seen) { return answer(seen); }),
          greeting_(std::move(greeting)) {}

    Repository& pulling(std::optional<credentials::Credential> credential = {}) {
        return open(Access::pull, std::move(credential));
    }
    Repository& pushing(std::optional<credentials::Credential> credential = otto()) {
        return open(Access::push, std::move(credential));
    }

    /// All that was asked, without the greetings, and without the questions for the last byte of a blob.
    std::vector<test::Seen> seen() const {
        auto all = registry.seen();
        std::erase_if(all, [](const test::Seen& seen) { return is_greeting(seen) || is_last_byte(seen); });
        return all;
    }
    /// How often the last byte of a blob was asked for.
    auto last_bytes() const {
        const auto all = registry.seen();
        return std::count_if(all.begin(), all.end(), is_last_byte);
    }
    /// Whether what the registry says that it has can be read.
    void answer_last_bytes(std::vector<test::Reply> replies) { last_byte_replies_ = std::move(replies); }
    /// How often GET /v2/ was asked.
    auto greetings() const {
        const auto all = registry.seen();
        return std::count_if(all.begin(), all.end(), is_greeting);
    }
    /// The repository goes away.
    void close() { repository_.reset(); }
    void check() const {
        CHECK(registry_script.verdict() == "");
        CHECK(token_script.verdict() == "");
        // A second one is only for who might learn from it.
        CHECK(greetings() <= (may_be_hidden_ && has_credential_ ? 2 : 1));
    }

    FakeClock clock;
    std::vector<std::string> warnings;
    test::Script registry_script;
    test::Script token_script;
    test::HttpServer tokens;
    test::HttpServer registry;

private:
    static bool is_greeting(const test::Seen& seen) {
        CHECK((seen.target != "/v2/" || seen.headers.count("authorization") == 0));
        return seen.line() == "GET /v2/";
    }

    static bool is_last_byte(const test::Seen& seen) {
        return seen.method == "GET" && contains(seen.target, "/blobs/sha256:") &&
               !seen.header("range").ends_with('-') && seen.headers.count("range") > 0;
    }

    test::Reply last_byte(const test::Seen& seen) {
        if (!last_byte_replies_.empty()) {
            const test::Reply reply = last_byte_replies_.front();
            if (last_byte_replies_.size() > 1) last_byte_replies_.erase(last_byte_replies_.begin());
            return filled_in(reply);
        }
        const std::string last = seen.header("range").substr(seen.header("range").find('-') + 1);
        return {
            .status = 206,
            .headers = {{"Content-Range", "bytes " + last + "-" + last + "/" + std::to_string(std::stoul(last) + 1)}},
            .body = "x"};
    }

    test::Reply answer(const test::Seen& seen) {
        if (is_greeting(seen)) return filled_in(greeting_);
        if (is_last_byte(seen)) {
            const test::Reply reply = last_byte(seen);
            if (reply.status == 404 && seen.headers.count("authorization") == 0) may_be_hidden_ = true;
            return reply;
        }
        const test::Reply reply = registry_script(seen);
        const bool is_refusal = reply.status == 401 || reply.status == 403 || reply.status == 404;
        if (is_refusal && seen.headers.count("authorization") == 0) may_be_hidden_ = true;
        return filled_in(reply);
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
        has_credential_ = credential.has_value();
        Repository::Options options;
        options.access = access;
        options.credential = [credential] { return credential; };
        options.warn = [this](const std::string& line) { warnings.push_back(line); };
        options.clock = &clock;
        repository_ = std::make_unique<Repository>(http_, oci::Reference::parse(registry.host() + "/kong/x"), options);
        return *repository_;
    }

    const test::Reply greeting_;
    std::vector<test::Reply> last_byte_replies_;
    std::atomic<bool> may_be_hidden_ = false;
    bool has_credential_ = false;
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
