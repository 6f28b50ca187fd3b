// SPDX-License-Identifier: Apache-2.0
#include "oci/reference.hpp"

#include <doctest/doctest.h>

#include "base/error.hpp"

namespace wasmx::oci {

TEST_SUITE_BEGIN("oci");

namespace {
const std::string digest = "sha256:" + std::string(64, 'a');
}

TEST_CASE("references") {
    struct Row {
        std::string text;
        std::string registry;
        std::string repository;
        std::string tag;  // empty: none
        std::string familiar;
        std::string full;
    };
    for (const Row& row : {
             Row{"debian", "docker.io", "library/debian", "", "debian", "docker.io/library/debian:latest"},
             Row{"debian:12", "docker.io", "library/debian", "12", "debian:12", "docker.io/library/debian:12"},
             Row{"docker.io/debian", "docker.io", "library/debian", "", "debian", "docker.io/library/debian:latest"},
             Row{"index.docker.io/a/b", "docker.io", "a/b", "", "a/b", "docker.io/a/b:latest"},
             Row{"kong/x:1", "docker.io", "kong/x", "1", "kong/x:1", "docker.io/kong/x:1"},
             Row{"ghcr.io/kong/x:v8-13.1-linux-arm64", "ghcr.io", "kong/x", "v8-13.1-linux-arm64",
                 "ghcr.io/kong/x:v8-13.1-linux-arm64", "ghcr.io/kong/x:v8-13.1-linux-arm64"},
             Row{"127.0.0.1:5000/x", "127.0.0.1:5000", "x", "", "127.0.0.1:5000/x", "127.0.0.1:5000/x:latest"},
             Row{"localhost/x", "localhost", "x", "", "localhost/x", "localhost/x:latest"},
             Row{"localhost:5000/x:1", "localhost:5000", "x", "1", "localhost:5000/x:1", "localhost:5000/x:1"},
             Row{"[::1]:5000/x", "[::1]:5000", "x", "", "[::1]:5000/x", "[::1]:5000/x:latest"},
             Row{"GHCR.io/x", "ghcr.io", "x", "", "ghcr.io/x", "ghcr.io/x:latest"},
             Row{"a/b/c-d__e.f:T_1", "docker.io", "a/b/c-d__e.f", "T_1", "a/b/c-d__e.f:T_1",
                 "docker.io/a/b/c-d__e.f:T_1"},
             Row{"a---b", "docker.io", "library/a---b", "", "a---b", "docker.io/library/a---b:latest"},
         }) {
        CAPTURE(row.text);
        const auto reference = Reference::parse(row.text);
        CHECK(reference.registry() == row.registry);
        CHECK(reference.repository() == row.repository);
        CHECK(reference.tag().value_or("") == row.tag);
        CHECK(reference.familiar() == row.familiar);
        CHECK(reference.str() == row.full);
        CHECK(Reference::parse(reference.str()).repository() == row.repository);
    }
}

TEST_CASE("digests in references") {
    const auto both = Reference::parse("ghcr.io/kong/x:1@" + digest);
    CHECK(both.tag() == "1");
    CHECK(both.digest()->str() == digest);
    CHECK(both.manifest_key() == digest);
    CHECK(both.str() == "ghcr.io/kong/x:1@" + digest);
    const auto alone = Reference::parse("x@" + digest);
    CHECK(alone.str() == "docker.io/library/x@" + digest);
    CHECK(alone.with_tag("2").familiar() == "x:2");
    CHECK(alone.with_tag("2").manifest_key() == "2");
    CHECK(Reference::parse("x").manifest_key() == "latest");
    CHECK(Reference::parse("x:1").with_digest(Digest::parse(digest)).familiar() == "x:1@" + digest);
    CHECK(Reference::parse("ghcr.io/kong/x:1").familiar_name() == "ghcr.io/kong/x");
}

TEST_CASE("what is no reference says why") {
    for (const std::string& text : std::vector<std::string>{"",
                                                            ":1",
                                                            "/x",
                                                            "x/",
                                                            "a//b",
                                                            "X",
                                                            "ghcr.io/Kong/x",
                                                            "a..b",
                                                            "a._b",
                                                            "a___b",
                                                            "-a",
                                                            "a-",
                                                            "x:",
                                                            "x:-1",
                                                            "x:" + std::string(129, 't'),
                                                            "x@sha256:abc",
                                                            "x@",
                                                            "x@md5:" + std::string(32, 'a'),
                                                            "https://ghcr.io/x",
                                                            "ghcr.io:port/x",
                                                            "ghcr.io:/x",
                                                            "ghcr.io:123456/x",
                                                            "a b",
                                                            "a\nb",
                                                            "[::1/x",
                                                            "[zz]/x",
                                                            "ghcr..io/x",
                                                            "-ghcr.io/x",
                                                            std::string(256, 'a')}) {
        CAPTURE(text);
        try {
            Reference::parse(text);
            FAIL("taken");
        } catch (const Error& error) {
            CHECK(error.fault() == Fault::usage);
            CHECK_FALSE(error.hint().empty());
        }
    }
}

TEST_SUITE_END();

}  // namespace wasmx::oci
