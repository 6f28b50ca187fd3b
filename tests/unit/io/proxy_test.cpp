// SPDX-License-Identifier: Apache-2.0
#include "io/proxy.hpp"

#include <doctest/doctest.h>

#include "io/http.hpp"
#include "support/error_of.hpp"
#include "support/folder.hpp"
#include "support/http_server.hpp"

namespace wasmx::io {

TEST_SUITE_BEGIN("io");

TEST_CASE("NO_PROXY means what it means to docker") {
    struct Row {
        std::string list;
        std::string host;
        int port;
        bool is_listed;
    };
    for (const Row& row : {
             Row{"r.example", "r.example", 443, true},
             Row{"r.example", "R.Example.", 443, true},
             Row{"example", "r.example", 443, true},
             Row{"r.example", "other.example", 443, false},
             Row{"r.example", "notr.example", 443, false},
             Row{"r.example:5000", "r.example", 5000, true},
             Row{"r.example:5000", "r.example", 443, false},
             Row{" x , r.example:5000 ", "r.example", 5000, true},
             Row{".example", "r.example", 5000, true},
             Row{".example:5000", "r.example", 5000, true},
             Row{".example", "example", 443, false},
             Row{"*.example", "r.example", 443, true},
             Row{"*.example", "example", 443, false},
             Row{"*", "anything", 1, true},
             Row{"10.0.0.0/8,r.example", "10.1.2.3", 443, true},
             Row{"10.0.0.0/8", "11.1.2.3", 443, false},
             Row{"10.0.0.0/8", "r.example", 443, false},
             Row{"10.0.0.0/33", "10.0.0.1", 443, false},
             Row{"10.1.2.3", "10.1.2.3", 443, true},
             Row{"10.1.2.3:5000", "10.1.2.3", 443, false},
             Row{"fd00::/8", "fd12::1", 443, true},
             Row{"[fd12::1]:5000", "fd12::1", 5000, true},
             Row{"fd12::1", "fd12:0::1", 443, true},
             Row{"fd00::/8", "10.0.0.1", 443, false},
             Row{"", "r.example", 443, false},
             Row{",,/,:", "r.example", 443, false},
         }) {
        CAPTURE(row.list);
        CAPTURE(row.host);
        CAPTURE(row.port);
        CHECK(is_listed(row.list, row.host, row.port) == row.is_listed);
    }
}

TEST_CASE("a host that NO_PROXY lists is asked without the proxy, and the proxy's refusal names the variable") {
    test::HttpServer proxy([](const test::Seen&) { return test::Reply{.status = 407}; });
    const test::Variable lower_case("https_proxy", std::nullopt);
    const test::Variable chosen("HTTPS_PROXY", proxy.url());
    const test::Variable none("no_proxy", std::nullopt);
    HttpClient client({}, "t");
    HttpRequest request;
    request.url = "https://r.invalid:5000/v2/";
    request.connect_limit = std::chrono::seconds(2);
    {
        const test::Variable listed("NO_PROXY", "r.invalid:5000");
        CHECK(test::error_of([&] { client.send(request); }).fault() == Fault::unavailable);
        CHECK(proxy.seen().empty());
    }
    const test::Variable listed("NO_PROXY", "r.invalid:443");
    const Error error = test::error_of([&] { client.send(request); });
    CAPTURE(error.message());
    CHECK(proxy.seen().size() == 1);
    CHECK(error.hint().find("the proxy that HTTPS_PROXY names refuses") != std::string::npos);
}

TEST_CASE("why there is no connection is told by what was seen") {
    test::HttpServer plain([](const test::Seen&) { return test::Reply{}; });
    const auto hint_of = [](const std::string& url) {
        HttpClient client({}, "t");
        HttpRequest request;
        request.url = url;
        request.connect_limit = std::chrono::seconds(2);
        return test::error_of([&] { client.send(request); }).hint();
    };
    CHECK(hint_of("http://127.0.0.1:1/") == "is the address right, and does the service run?");
    const test::Variable chosen("HTTPS_PROXY", "http://127.0.0.1:1");
    const test::Variable lower_case("https_proxy", std::nullopt);
    const test::Variable none("no_proxy", std::nullopt);
    const test::Variable listed("NO_PROXY", std::nullopt);
    CHECK(hint_of("https://r.invalid/").starts_with("the proxy that HTTPS_PROXY names does not answer"));
}

TEST_SUITE_END();

}  // namespace wasmx::io
