// SPDX-License-Identifier: Apache-2.0
#include "io/loopback.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <future>

#include "io/file.hpp"

namespace wasmx::io {

TEST_SUITE_BEGIN("io");

namespace {

/// A client that says what it is told.
class Client {
public:
    explicit Client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(port);
        REQUIRE(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    }

    void say(std::string_view text) {
        REQUIRE(::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
    }
    /// Zeros, until no more go away.
    std::size_t say_what_is_taken() {
        const std::vector<char> zeros(32 * 1024);
        std::size_t out = 0;
        for (pollfd ready{.fd = fd_.get(), .events = POLLOUT, .revents = 0}; ::poll(&ready, 1, 300) > 0;) {
            const ssize_t count = ::send(fd_.get(), zeros.data(), zeros.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
            if (count > 0) out += static_cast<std::size_t>(count);
        }
        return out;
    }
    /// Until there are so many bytes, or the end.
    std::string hear(std::size_t count) {
        std::string out;
        char buffer[4096];
        while (out.size() < count) {
            const ssize_t got = ::recv(fd_.get(), buffer, std::min(sizeof buffer, count - out.size()), 0);
            if (got <= 0) break;
            out.append(buffer, static_cast<std::size_t>(got));
        }
        return out;
    }
    std::string hear_all() { return hear(1 << 20); }

private:
    Fd fd_;
};

/// Says back what it was told.
LoopbackReply echo(LoopbackRequest& request) {
    const std::string body = read_all(request.body, 1 << 20);
    return {.status = 202,
            .headers = {{"Seen", fmt::format("{} {} [{}]", request.method, request.path, request.query)}},
            .body = body,
            .length = 7};
}

std::string said(std::uint16_t port, std::string_view text) {
    Client client(port);
    client.say(text);
    return client.hear_all();
}

}  // namespace

TEST_CASE("who sends what is not read gets no further than the server lets it") {
    const auto sent = [](LoopbackServer::Ahead ahead, bool is_welcome = false) {
        std::promise<void> is_over;
        LoopbackServer server(
            [over = is_over.get_future().share(), is_welcome](LoopbackRequest& request) {
                if (is_welcome) request.welcome();
                over.wait();
                return LoopbackReply{};
            },
            ahead);
        Client client(server.port());
        client.say("PUT / HTTP/1.1\r\nContent-Length: 100000000\r\n\r\n");
        const std::size_t count = client.say_what_is_taken();
        is_over.set_value();
        return count;
    };
    const std::size_t little = sent(LoopbackServer::Ahead::little);
    CHECK(little * 2 < sent(LoopbackServer::Ahead::much));
    CHECK(little + 32 * 1024 < sent(LoopbackServer::Ahead::little, true));
}

TEST_CASE("a loopback server takes bodies of either kind, and several requests on a connection") {
    LoopbackServer server(echo);
    HttpClient http({}, "test");
    const std::string url = fmt::format("http://127.0.0.1:{}/a/b?c=d", server.port());
    const std::string large(700'000, 'x');
    for (const std::string& text : {std::string(), std::string("text"), large}) {
        for (const bool has_length : {true, false}) {
            Body body = body_of(text);
            if (!has_length) body.size.reset();
            auto response = http.send({.method = "PATCH", .url = url, .body = body});
            CHECK(response.status == 202);
            CHECK(response.find_header("Seen") == "PATCH /a/b [c=d]");
            CHECK(read_all(*response.body, 1 << 20) == text);
        }
    }
    CHECK(said(server.port(),
               "PUT /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
               "4;name=value\r\ntext\r\nA\r\n0123456789\r\n0\r\nTrailer: one\r\n\r\n") ==
          "HTTP/1.1 202 \r\nSeen: PUT /x []\r\nContent-Length: 14\r\nConnection: close\r\n\r\ntext0123456789");
    CHECK(said(server.port(), "HEAD / HTTP/1.1\r\nConnection: close\r\n\r\n") ==
          "HTTP/1.1 202 \r\nSeen: HEAD / []\r\nContent-Length: 7\r\nConnection: close\r\n\r\n");
}

TEST_CASE("a loopback server replies before a body is over, and closes") {
    LoopbackServer server([](LoopbackRequest& request) {
        std::byte buffer[4];
        (void)request.body.read(buffer);
        return LoopbackReply{.status = 202};
    });
    Client client(server.port());
    client.say("PATCH / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ntext\r\n");
    CHECK(client.hear_all() == "HTTP/1.1 202 \r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    client.say("4\r\nmore\r\n");  // nobody minds
}

TEST_CASE("a loopback server says so to what is no request, and hangs up") {
    LoopbackServer server(echo);
    for (const std::string_view text :
         {"\x16\x03\x01\x02", "GET / HTTP/2\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/1.1\r\nno header\r\n\r\n",
          "PUT / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"})
        CHECK(said(server.port(), text) == "HTTP/1.1 400 \r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    CHECK(said(server.port(), std::string(100'000, 'x')).starts_with("HTTP/1.1 400 "));
}

TEST_CASE("a loopback server hangs up on a body that breaks off") {
    LoopbackServer server(echo);
    for (const std::string_view text : {"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
                                        "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nlong\r\n0\r\n\r\n"})
        CHECK(said(server.port(), text).empty());
}

TEST_CASE("what a handler throws ends that connection alone") {
    LoopbackServer server([](LoopbackRequest& request) -> LoopbackReply {
        if (request.path == "/bad") throw Error(Fault::failed, "bad");
        return {.body = "good"};
    });
    CHECK(said(server.port(), "GET /bad HTTP/1.1\r\n\r\n").empty());
    CHECK(said(server.port(), "GET / HTTP/1.1\r\nConnection: close\r\n\r\n").ends_with("good"));
}

TEST_CASE("a loopback server that goes breaks off what is under way") {
    std::promise<bool> ended;
    std::promise<void> begun;
    std::optional<LoopbackServer> server(std::in_place, [&](LoopbackRequest& request) -> LoopbackReply {
        begun.set_value();
        try {
            (void)read_all(request.body, 1000);
        } catch (const TransportError&) {
            ended.set_value(true);
            throw;
        }
        ended.set_value(false);
        return {};
    });
    Client idle(server->port());
    Client busy(server->port());
    busy.say("PUT / HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf");
    begun.get_future().wait();
    server.reset();
    CHECK(ended.get_future().get());
    CHECK(idle.hear_all().empty());
    CHECK(busy.hear_all().empty());
}

TEST_SUITE_END();

}  // namespace wasmx::io
