// SPDX-License-Identifier: Apache-2.0
#include "io/http.hpp"

#include <array>
#include <atomic>
#include <thread>

#include "io/source_contract.hpp"
#include "support/error_of.hpp"
#include "support/folder.hpp"
#include "support/http_server.hpp"

namespace wasmx::io {

TEST_SUITE_BEGIN("io");

namespace {

using Kind = TransportError::Kind;
using test::HttpServer;
using test::Reply;
using test::Seen;

HttpRequest get(const std::string& url) {
    HttpRequest request;
    request.url = url;
    return request;
}

HttpRequest put(const std::string& url, Body body) {
    HttpRequest request = get(url);
    request.method = "PUT";
    request.body = std::move(body);
    return request;
}

template <class Work>
Kind kind_of(Work&& work) {
    try {
        work();
    } catch (const TransportError& error) {
        CHECK(error.fault() == Fault::unavailable);
        return error.kind();
    }
    FAIL("nothing was thrown");
    throw 0;
}

}  // namespace

TEST_CASE("a response: status, headers, body") {
    const std::string text = sample(300000);
    HttpServer server([&](const Seen&) {
        return Reply{.status = 418, .headers = {{"X-One", "1"}, {"x-two", "a"}, {"X-Two", "b"}}, .body = text};
    });
    HttpClient client({}, "agent/1");
    source_contract([&] { return client.send(get(server.url() + "/a?b=c")).body; }, text);
    const auto response = client.send(get(server.url() + "/a?b=c"));
    CHECK(response.status == 418);
    CHECK(response.find_header("X-ONE") == "1");
    CHECK(response.all_headers("x-two") == std::vector<std::string>{"a", "b"});
    CHECK_FALSE(response.find_header("X-Three"));
    CHECK(server.seen()[0].line() == "GET /a?b=c");
    CHECK(server.seen()[0].header("user-agent") == "agent/1");
    CHECK(server.seen()[0].header("expect").empty());
}

TEST_CASE("bodies that are sent") {
    HttpServer server([](const Seen&) { return Reply(); });
    HttpClient client({}, "t");
    const std::string text = sample(3000000);

    auto request = put(server.url() + "/sized", body_of(text));
    request.headers.push_back({"Content-Type", "a/b"});
    request.secret_headers.emplace_back("Authorization", Secret("Bearer x"));
    CHECK(client.send(request).status == 200);

    Body endless = body_of(text);
    endless.size.reset();
    CHECK(client.send(put(server.url() + "/chunked", endless)).status == 200);

    request = get(server.url() + "/empty");
    request.method = "POST";
    CHECK(client.send(request).status == 200);

    request = put(server.url() + "/asked", body_of(text));
    request.headers.push_back({"Expect", "100-continue"});
    CHECK(client.send(request).status == 200);

    const auto seen = server.seen();
    REQUIRE(seen.size() == 4);
    CHECK((seen[0].body == text));
    CHECK(seen[0].header("content-length") == std::to_string(text.size()));
    CHECK(seen[0].header("content-type") == "a/b");
    CHECK(seen[0].header("authorization") == "Bearer x");
    CHECK(seen[0].header("expect").empty());
    CHECK((seen[1].body == text));
    CHECK(seen[1].header("transfer-encoding") == "chunked");
    CHECK(seen[2].header("content-length") == "0");
    CHECK(seen[2].headers.count("content-type") == 0);
    CHECK((seen[3].body == text));
    CHECK(seen[3].header("expect") == "100-continue");
    CHECK(server.connections() == 1);
}

TEST_CASE("a body that is announced is kept back when the server does not want it") {
    HttpServer server([](const Seen&) { return Reply{.status = 401, .early = true}; });
    HttpClient client({}, "t");
    std::uint64_t read = 0;
    auto request = put(server.url(), {.size = 5000000, .open = [&] {
                                          return counted(from_string(std::string(5000000, 'x')),
                                                         [&](std::uint64_t count) { read += count; });
                                      }});
    request.headers.push_back({"Expect", "100-continue"});
    CHECK(client.send(request).status == 401);
    CHECK(read == 0);
}

TEST_CASE("an early answer to a body under way is an answer") {
    HttpServer server([](const Seen&) { return Reply{.status = 413, .early = true}; });
    HttpClient client({}, "t");
    // Where the server closes with bytes unread, the answer may be lost to the reset: that is the network's nature.
    try {
        CHECK(client.send(put(server.url(), body_of(std::string(20000, 'x')))).status == 413);
    } catch (const TransportError& error) {
        CHECK(error.kind() == Kind::broken);
    }
}

TEST_CASE("HEAD has no body, whatever its length says") {
    HttpServer server([](const Seen&) { return Reply{.claimed_length = 1000}; });
    HttpClient client({}, "t");
    HttpRequest request = get(server.url());
    request.method = "HEAD";
    const auto response = client.send(request);
    CHECK(response.status == 200);
    CHECK(read_all(*response.body, 10).empty());
}

TEST_CASE("no redirect is followed") {
    HttpServer server([](const Seen&) { return Reply{.status = 302, .headers = {{"Location", "/b"}}}; });
    HttpClient client({}, "t");
    CHECK(client.send(get(server.url() + "/a")).status == 302);
    CHECK(server.seen().size() == 1);
}

TEST_CASE("what breaks off is noticed") {
    const std::string text(200000, 'x');
    HttpClient client({}, "t");
    {
        HttpServer server([&](const Seen&) { return Reply{.body = text, .drop_reply_at = 100000}; });
        const auto response = client.send(get(server.url()));
        CHECK(response.status == 200);
        CHECK(kind_of([&] { drain(*response.body); }) == Kind::broken);
    }
    {
        HttpServer server([&](const Seen&) { return Reply{.lost = true}; });
        CHECK(kind_of([&] { client.send(get(server.url())); }) == Kind::broken);
    }
    {
        HttpServer server([&](const Seen&) { return Reply{.drop_request_at = 100000}; });
        CHECK(kind_of([&] { client.send(put(server.url(), body_of(std::string(5000000, 'x')))); }) == Kind::broken);
    }
    HttpServer gone([](const Seen&) { return Reply(); });
    // Not of the certificate, so another try may do.
    CHECK(kind_of([&] { client.send(get("https://" + gone.host())); }) == Kind::broken);
}

TEST_CASE("what a proxy says of the tunnel is no answer") {
    const test::Variable proxy_of_all("ALL_PROXY", std::nullopt);
    for (const int status : {200, 403, 407, 502}) {
        CAPTURE(status);
        HttpServer proxy([&](const Seen&) { return Reply{.status = status, .early = true}; });
        const test::Variable chosen("https_proxy", proxy.url());
        HttpClient client({}, "t");
        // After its answer it hangs up.
        CHECK(kind_of([&] { client.send(get("https://registry.invalid/v2/")); }) == Kind::broken);
        REQUIRE_FALSE(proxy.seen().empty());
        CHECK(proxy.seen()[0].line() == "CONNECT registry.invalid:443");
        CHECK(proxy.seen().size() == 1);
    }
}

TEST_CASE("one request is ended, and no other") {
    std::atomic<int> asked{0};
    HttpServer server([&](const Seen&) { return ++asked, Reply{.body = "x", .claimed_length = 1000}; });
    HttpClient client({}, "t");
    std::stop_source one;
    HttpRequest request = get(server.url());
    request.stop = one.get_token();
    const auto response = client.send(request);
    std::jthread stopper([&] { one.request_stop(); });
    CHECK(test::error_of([&] { drain(*response.body); }).fault() == Fault::interrupted);
    CHECK(client.send(get(server.url())).status == 200);
}

TEST_CASE("nobody there") {
    std::string url;
    {
        const HttpServer server([](const Seen&) { return Reply(); });
        url = server.url();
    }
    const test::Variable no_proxy("http_proxy", std::nullopt);
    const test::Variable no_proxy_at_all("ALL_PROXY", std::nullopt);
    const test::Variable nor_in_small("all_proxy", std::nullopt);
    HttpClient client({}, "t");
    CHECK(kind_of([&] { client.send(get(url)); }) == Kind::connect);
    CHECK(kind_of([&] { client.send(get("http://wasmx-test.invalid/")); }) == Kind::resolve);
}

TEST_CASE("a name that has no address is asked for again") {
    HttpClient client({}, "t");
    for (int i = 0; i < 3; ++i) CHECK(kind_of([&] { client.send(get("http://nobody.invalid/")); }) == Kind::resolve);
}

TEST_CASE("silence has a limit") {
    std::atomic<bool> over{false};
    HttpServer server([&](const Seen&) {
        while (!over) std::this_thread::sleep_for(std::chrono::milliseconds(10));
        return Reply();
    });
    HttpClient client({}, "t");
    HttpRequest request = get(server.url());
    request.idle_limit = std::chrono::seconds(1);
    CHECK(kind_of([&] { client.send(request); }) == Kind::timeout);
    over = true;
}

TEST_CASE("an answer that drips is none") {
    using std::chrono::milliseconds;
    HttpClient client({}, "t");
    HttpRequest request;
    request.idle_limit = std::chrono::seconds(1);
    request.least_rate = 1024;
    const auto began = std::chrono::steady_clock::now();
    {
        HttpServer body([](const Seen&) { return Reply{.body = std::string(1000, 'x'), .pause = milliseconds(20)}; });
        request.url = body.url();
        const auto response = client.send(request);
        CHECK(kind_of([&] { drain(*response.body); }) == Kind::timeout);
    }
    {
        HttpServer head([](const Seen&) {
            return Reply{.raw = "HTTP/1.1 200 OK\r\nX: " + std::string(1000, 'x'), .pause = milliseconds(20)};
        });
        request.url = head.url();
        CHECK(kind_of([&] { client.send(request); }) == Kind::timeout);
    }
    {
        const std::string hint = "HTTP/1.1 102 Processing\r\n\r\n";
        HttpServer waits(
            [&](const Seen&) { return Reply{.raw = hint + hint + hint + hint, .pause = milliseconds(20)}; });
        request.url = waits.url();
        CHECK(kind_of([&] { client.send(request); }) == Kind::timeout);
    }
    {
        HttpServer slow([](const Seen&) { return Reply{.body = std::string(1000, 'x'), .pause = milliseconds(20)}; });
        request.url = slow.url();
        request.least_rate = 0;
        request.total_limit = std::chrono::seconds(2);
        const auto response = client.send(request);
        CHECK(kind_of([&] { drain(*response.body); }) == Kind::timeout);
    }
    CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(15));
}

TEST_CASE("our own slowness is not the server's") {
    HttpServer server([](const Seen&) { return Reply{.body = std::string(4 << 20, 'x')}; });
    HttpClient client({}, "t");
    class Slow final : public Source {
    public:
        std::size_t read(std::span<std::byte> buffer) override {
            if (count_++ == 3) return 0;
            std::this_thread::sleep_for(std::chrono::milliseconds(1500));
            buffer[0] = std::byte{'x'};
            return 1;
        }

    private:
        int count_ = 0;
    };
    auto request = put(server.url(), {.size = std::nullopt, .open = [] { return std::make_unique<Slow>(); }});
    request.idle_limit = std::chrono::seconds(1);
    request.least_rate = 1024;
    const auto response = client.send(request);
    CHECK(server.seen()[0].body == "xxx");
    std::array<std::byte, 100'000> buffer{};
    (void)response.body->read(buffer);
    std::this_thread::sleep_for(std::chrono::milliseconds(2500));
    drain(*response.body);
}

TEST_CASE("a server that takes no bytes is silent") {
    std::atomic<bool> over{false};
    HttpServer busy([&](const Seen&) {
        while (!over) std::this_thread::sleep_for(std::chrono::milliseconds(10));
        return Reply();
    });
    HttpClient client({}, "t");
    auto request = put(busy.url(), body_of(std::string(64 << 20, 'x')));
    request.idle_limit = std::chrono::seconds(1);
    request.least_rate = 1024;
    CHECK(kind_of([&] { client.send(request); }) == Kind::timeout);
    over = true;
}

TEST_CASE("where a server may lead us") {
    HttpServer server([](const Seen&) { return Reply{.body = "x"}; });
    HttpClient client({}, "t");
    HttpRequest request = get(server.url());
    for (int i = 0; i < 2; ++i) {  // the second time on the connection of the first
        const auto response = client.send(request);
        CHECK(response.peer == AddressScope::loopback);
        drain(*response.body);  // a connection is kept only when its answer was read to the end
        CHECK(server.connections() == 1);
    }
    request.led_by = AddressScope::loopback;
    CHECK(client.send(request).status == 200);
    for (const AddressScope from : {AddressScope::private_use, AddressScope::global, AddressScope::none}) {
        request.led_by = from;
        const Error error = test::error_of([&] { client.send(request); });
        CHECK(error.fault() == Fault::denied);
        CHECK(error.message().find("this machine (127.0.0.1)") != std::string::npos);
    }
    CHECK(server.seen().size() == 3);
}

TEST_CASE("where a name leads is judged by the address that was connected to") {
    // A proxy at the URL's own port stands for a resolver: it makes a name of anywhere an address of this machine.
    HttpServer server([](const Seen&) { return Reply{.body = "x"}; });
    const test::Variable chosen("http_proxy", server.url());
    const test::Variable no_exception("no_proxy", std::nullopt);
    const test::Variable nor_in_capitals("NO_PROXY", std::nullopt);
    HttpClient client({}, "t");
    HttpRequest request = get("http://storage.example:" + std::to_string(server.port()));
    CHECK(client.send(request).peer == AddressScope::loopback);
    for (const AddressScope from : {AddressScope::global, AddressScope::private_use}) {
        request.led_by = from;
        CHECK(test::error_of([&] { client.send(request); }).fault() == Fault::denied);
    }
    request.led_by = AddressScope::loopback;
    CHECK(client.send(request).status == 200);
    CHECK(server.seen().size() == 2);
}

TEST_CASE("behind a proxy the name decides where a server leads") {
    HttpServer proxy([](const Seen&) { return Reply{.body = "x"}; });
    const test::Variable chosen("http_proxy", proxy.url());
    const test::Variable no_exception("no_proxy", std::nullopt);
    const test::Variable nor_in_capitals("NO_PROXY", std::nullopt);
    HttpClient client({}, "t");
    HttpRequest request = get("http://storage.example/b");
    request.led_by = AddressScope::global;
    for (int i = 0; i < 2; ++i) {
        const auto response = client.send(request);
        CHECK(response.status == 200);
        CHECK(response.peer == AddressScope::global);
    }
    CHECK(proxy.seen()[0].line() == "GET http://storage.example/b");
    for (const std::string host : {"10.0.0.1", "169.254.169.254", "[fe80::1%25eth0]", "[fd00::1]", "2852039166",
                                   "0x0a.1", "localhost", "metadata.google.internal", "metadata"}) {
        CAPTURE(host);
        request.url = "http://" + host + "/";
        CHECK(test::error_of([&] { client.send(request); }).fault() == Fault::denied);
    }
    CHECK(proxy.seen().size() == 2);
}

TEST_CASE("headers have an end") {
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    const std::string hint = "HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n";
    const auto times = [](int count, const std::string& line) {
        std::string out;
        for (int i = 0; i < count; ++i) out += line;
        return out;
    };
    struct Row {
        std::string name;
        std::string raw;
        bool is_answer;
    };
    for (const Row& row : {
             Row{"a few large ones", ok + times(3, "X: " + std::string(60'000, 'x') + "\r\n") + "\r\n", true},
             Row{"too many bytes", ok + times(10, "X: " + std::string(60'000, 'x') + "\r\n") + "\r\n", false},
             Row{"many", ok + times(900, "X: y\r\n") + "\r\n", true},
             Row{"too many", ok + times(5000, "X: y\r\n") + "\r\n", false},
             Row{"some answers before the answer", times(10, hint) + ok + "\r\n", true},
             Row{"no answer but the ones before it", times(5000, hint), false},
         }) {
        CAPTURE(row.name);
        HttpServer server([&](const Seen&) { return Reply{.raw = row.raw}; });
        HttpClient client({}, "t");
        if (row.is_answer) {
            CHECK(client.send(get(server.url())).status == 200);
        } else {
            const Error error = test::error_of([&] { client.send(get(server.url())); });
            CHECK(error.fault() == Fault::unavailable);
            CHECK(error.message().find("more headers than any server sends") != std::string::npos);
        }
    }
    HttpServer server([&](const Seen&) {
        return Reply{.raw =
                         ok + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n" + times(5000, "X: y\r\n") + "\r\n"};
    });
    HttpClient client({}, "t");
    const Error error = test::error_of([&] { drain(*client.send(get(server.url())).body); });
    CHECK(error.message().find("more headers than any server sends") != std::string::npos);
}

TEST_CASE("no other scheme, no user, no header within a header") {
    const test::Folder folder;
    const std::string file = folder.write("x", "inside").string();
    HttpServer server([](const Seen&) { return Reply(); });
    HttpClient client({}, "t");
    for (const std::string& url :
         {"file://" + file, "ftp://" + server.host(), "gopher://" + server.host(), "http://u:p@" + server.host(),
          "http://u@" + server.host(), "http://@" + server.host(), "http://:@" + server.host()}) {
        CAPTURE(url);
        CHECK(test::error_of([&] { client.send(get(url)); }).fault() == Fault::denied);
    }
    for (const std::string value : {"a\r\nX-Other: b", "a\nb", "a\x7f"}) {
        HttpRequest request = get(server.url());
        request.headers.push_back({"X-One", value});
        CHECK(test::error_of([&] { client.send(request); }).fault() == Fault::config);
        request = get(server.url());
        request.secret_headers.emplace_back("Authorization", Secret(value));
        CHECK(test::error_of([&] { client.send(request); }).fault() == Fault::config);
    }
    CHECK(server.seen().empty());
}

TEST_CASE("a failure of the source that is sent comes back as it was") {
    HttpServer server([](const Seen&) { return Reply(); });
    HttpClient client({}, "t");
    auto failing = std::make_shared<SourcePtr>(std::make_unique<FailingSource>(std::string(10000, 'x')));
    try {
        client.send(put(server.url(), {.size = 20000, .open = [failing] { return std::move(*failing); }}));
        FAIL("nothing was thrown");
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::io);
        CHECK(error.message() == "upstream failed");
    }
}

TEST_CASE("a kept connection that died in the meantime is nobody's business") {
    auto server = std::make_unique<HttpServer>([](const Seen&) { return Reply{.drop_reply_at = 0}; });
    HttpClient client({}, "t");
    const std::string text = sample(10000);
    for (int i = 0; i < 3; ++i) CHECK(client.send(put(server->url(), body_of(text))).status == 200);
    for (const Seen& seen : server->seen()) CHECK(seen.body == text);
}

TEST_CASE("a stop ends what is under way") {
    std::atomic<bool> over{false};
    HttpServer server([&](const Seen&) {
        while (!over) std::this_thread::sleep_for(std::chrono::milliseconds(10));
        return Reply();
    });
    std::stop_source stop;
    HttpClient client(stop.get_token(), "t");
    std::jthread stopper([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        stop.request_stop();
    });
    const auto began = std::chrono::steady_clock::now();
    try {
        client.send(get(server.url()));
        FAIL("nothing was thrown");
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::interrupted);
    }
    CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(5));
    over = true;
}

TEST_CASE("a slow reader gets everything") {
    const std::string text = sample(8 << 20);
    HttpServer server([&](const Seen&) { return Reply{.body = text}; });
    HttpClient client({}, "t");
    const auto response = client.send(get(server.url()));
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    CHECK((read_in_chunks(*response.body, 100001) == text));
}

TEST_CASE("several threads share a client") {
    const std::string text = sample(100000);
    HttpServer server([&](const Seen& seen) { return Reply{.body = text + seen.target}; });
    HttpClient client({}, "t");
    std::atomic<int> good{0};
    std::vector<std::thread> workers;
    for (int i = 0; i < 4; ++i) {
        workers.emplace_back([&, i] {
            for (int k = 0; k < 10; ++k) {
                const std::string path = "/" + std::to_string(i) + "-" + std::to_string(k);
                if (read_all(*client.send(get(server.url() + path)).body, 1 << 20) == text + path) ++good;
            }
        });
    }
    for (std::thread& worker : workers) worker.join();
    CHECK(good == 40);
    CHECK(server.connections() <= 4);
}

TEST_CASE("a proxy is not for this machine") {
    const test::Variable proxy("http_proxy", "http://127.0.0.1:1");
    HttpServer server([](const Seen&) { return Reply(); });
    HttpClient client({}, "t");
    CHECK(client.send(get(server.url())).status == 200);
}

TEST_CASE("the parts of a URL") {
    const Url url = Url::parse("HTTPS://u@GHCR.io/x?y");
    CHECK(url.scheme == "https");
    CHECK(url.host == "ghcr.io");
    CHECK(url.port == 443);
    CHECK(url.has_user);
    CHECK(url.same_origin(Url::parse("https://ghcr.io:443")));
    CHECK_FALSE(url.same_origin(Url::parse("http://ghcr.io:443")));
    CHECK_FALSE(url.same_origin(Url::parse("https://ghcr.io:444")));
    CHECK_FALSE(url.same_origin(Url::parse("https://ghcr.io.evil.example")));
    CHECK(Url::parse("http://[::1]:5000/").host == "::1");
    for (const std::string text : {"", "ghcr.io", "https://", "https://a b/"}) CHECK_THROWS_AS(Url::parse(text), Error);
}

TEST_CASE("resolving") {
    CHECK(resolve_url("https://h/a/b?c", "/d") == "https://h/d");
    CHECK(resolve_url("https://h/a/b?c", "d?e") == "https://h/a/d?e");
    CHECK(resolve_url("https://h/a/b", "//g/d") == "https://g/d");
    CHECK(resolve_url("https://h/a/b", "http://g/d") == "http://g/d");
    CHECK_THROWS_AS(resolve_url("https://h/a", std::string("/\0d", 3)), Error);
    CHECK_THROWS_AS(Url::parse(std::string("https://h/\0d", 12)), Error);
}

TEST_CASE("loopback") {
    for (const auto* host : {"localhost", "127.0.0.1", "127.1.2.3", "::1"}) CHECK(is_loopback(host));
    for (const auto* host :
         {"127.0.0.1.evil.example", "localhost.evil.example", "128.0.0.1", "127.0.0", "127.a.0.1", "", "::2"})
        CHECK_FALSE(is_loopback(host));
}

TEST_CASE("percent-encoding") { CHECK(percent_encoded("aZ9-._~ /:&\xc3\xa4") == "aZ9-._~%20%2F%3A%26%C3%A4"); }

TEST_SUITE_END();

}  // namespace wasmx::io
