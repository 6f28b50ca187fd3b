// SPDX-License-Identifier: Apache-2.0
#include "registry/session.hpp"

#include <doctest/doctest.h>

#include "support/error_of.hpp"

namespace wasmx::registry {

TEST_SUITE_BEGIN("registry");

using test::error_of;

TEST_CASE("who is sent Authorization: the registry's own origin alone, and nobody without https") {
    io::HttpClient http({}, "unit-test");
    Session session(http, oci::Reference::parse("ghcr.io/kong/x"), {});
    for (const std::string url : {"https://ghcr.io/u/1?s", "https://GHCR.io/u/1", "https://ghcr.io:443/u/1"}) {
        CAPTURE(url);
        CHECK(session.is_home(url));
    }
    for (const std::string url : {"https://ghcr.io:8443/u/1", "https://storage.example/u?sig=1",
                                  "https://ghcr.io.evil/", "https://evil/ghcr.io/", "https://pkg.ghcr.io/"}) {
        CAPTURE(url);
        CHECK_FALSE(session.is_home(url));
    }
    for (const std::string url :
         {"http://ghcr.io/u/1?sig=word", "http://127.0.0.1/u", "ftp://ghcr.io/u", "file:///u"}) {
        CAPTURE(url);
        const Error error = error_of([&] { session.is_home(url); });
        CHECK(error.fault() == Fault::denied);
        CHECK(error.message().find("word") == std::string::npos);
    }
    Session with_port(http, oci::Reference::parse("ghcr.io:443/kong/x"), {});
    CHECK(with_port.is_home("https://ghcr.io/u/1"));
}

TEST_CASE("where a Location leads") {
    const std::string asked = "https://r.example:5000/v2/kong/x/blobs/uploads/";
    for (const auto& [location, expected] : {
             std::pair<std::string, std::string>{"/u/1?_state=%2b", "https://r.example:5000/u/1?_state=%2b"},
             {"https://s.example/u?a=%2F", "https://s.example/u?a=%2F"},
             {"//s.example/u", "https://s.example/u"},
             {"r.example:5000/u/1", "https://r.example:5000/u/1"},
             {"https://s.example/u?a#b?c", "https://s.example/u?a"},
             {"HTTPS://s.example/u", "https://s.example/u"},
             {"1?s=2", "https://r.example:5000/v2/kong/x/blobs/uploads/1?s=2"},
         }) {
        CAPTURE(location);
        CHECK(located(asked, location) == expected);
    }
}

TEST_SUITE_END();

}  // namespace wasmx::registry
