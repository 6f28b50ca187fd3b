// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace wasmx::test {

/// A request as it arrived.
struct Seen {
    std::string method;
    std::string target;                          ///< path and query
    std::map<std::string, std::string> headers;  ///< names in lower case
    std::string body;

    std::string header(const std::string& name) const;  ///< empty when it is not there
    std::string line() const { return method + " " + target; }
};

/// An answer, with everything that can go wrong about it.
struct Reply {
    int status = 200;
    std::vector<std::pair<std::string, std::string>> headers = {};
    std::string body = {};
    /// Answer without taking the request's body, and close.
    bool early = false;
    /// Take so many bytes of the request's body, then drop the connection.
    std::optional<std::size_t> drop_request_at = std::nullopt;
    /// Send so many bytes of the body, then drop the connection.
    std::optional<std::size_t> drop_reply_at = std::nullopt;
    /// Take everything, then drop the connection without a word.
    bool lost = false;
    /// What Content-Length says instead of the truth.
    std::optional<std::uint64_t> claimed_length = std::nullopt;
    /// Sent as it is in place of status line, headers and body; then the connection is closed.
    std::optional<std::string> raw = std::nullopt;
    /// The time between two bytes of the body, or of `raw`.
    std::chrono::milliseconds pause{0};
    /// Makes the answer in place of this one when the body is there, or as much of it as was taken before a drop.
    std::function<Reply(const Seen&)> with_body = nullptr;
};

/// An HTTP/1.1 server on 127.0.0.1 that does as it is told. A TLS greeting makes it hang up, as a plain server does.
class HttpServer {
public:
    /// Called, one at a time, when the headers of a request are there.
    using Handler = std::function<Reply(const Seen&)>;
    explicit HttpServer(Handler handler);
    /// The same on another address of this machine: "127.0.0.2".
    static HttpServer at(const std::string& address, Handler handler) { return {At{address}, std::move(handler)}; }
    /// The same on a Unix socket, as an engine listens.
    HttpServer(Handler handler, const std::string& socket_path);
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    int port() const noexcept { return port_; }
    std::string host() const;  ///< "127.0.0.1:40123"
    std::string url() const;   ///< "http://127.0.0.1:40123"
    std::vector<Seen> seen() const;
    int connections() const noexcept { return connections_; }

private:
    class Connection;
    struct At {
        std::string address;
    };
    HttpServer(const At& at, Handler handler);
    void listen_on(int family, void* address, unsigned size);
    void accept_all();
    void serve(int fd);

    Handler handler_;
    int listener_ = -1;
    std::string address_;
    int port_ = 0;
    std::atomic<int> connections_{0};
    mutable std::mutex mutex_;
    std::vector<Seen> seen_;
    std::vector<int> open_;
    std::vector<std::thread> workers_;
    bool closing_ = false;
    std::thread acceptor_;
};

/// A list of requests that are expected, in this order, and the answers to them. What is not expected is answered 599,
/// which nothing takes for success.
class Script {
public:
    struct Step {
        std::string request;  ///< "GET /v2/"; a trailing * stands for any rest
        Reply reply;
    };
    explicit Script(std::vector<Step> steps) : steps_(std::move(steps)) {}
    Reply operator()(const Seen& seen);
    /// Empty when all went as written; else what did not.
    std::string verdict() const;

private:
    mutable std::mutex mutex_;
    std::vector<Step> steps_;
    std::size_t at_ = 0;
    std::string trouble_;
};

}  // namespace wasmx::test
