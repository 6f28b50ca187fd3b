// SPDX-License-Identifier: Apache-2.0
#include "support/http_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>

#include "base/text.hpp"

namespace wasmx::test {

namespace {

constexpr char tls_handshake = 0x16;  // (RFC 8446, 5.1)

struct Gone {};  // the other side hung up, or we are closing

bool matches(const std::string& pattern, const std::string& line) {
    if (pattern.ends_with('*')) return line.starts_with(pattern.substr(0, pattern.size() - 1));
    return pattern == line;
}

}  // namespace

std::string Seen::header(const std::string& name) const {
    const auto found = headers.find(lower(name));
    return found == headers.end() ? std::string() : found->second;
}

/// One connection, for as many requests as come.
class HttpServer::Connection {
public:
    Connection(HttpServer& server, int fd) : server_(server), fd_(fd) {}

    void run() {
        if (next_byte_is(tls_handshake)) return;
        while (serve_one()) {
        }
    }

private:
    // False when the connection is to be closed.
    bool serve_one() {
        Seen seen = read_head();
        Reply reply = [&] {
            const std::lock_guard lock(server_.mutex_);
            server_.seen_.push_back(seen);
            index_ = server_.seen_.size() - 1;
            return server_.handler_(seen);
        }();
        if (!reply.early) {
            if (seen.header("expect") == "100-continue") send("HTTP/1.1 100 Continue\r\n\r\n");
            read_body(seen, reply.drop_request_at);
            const bool dropped = reply.drop_request_at.has_value();
            if (reply.with_body) {
                const std::lock_guard lock(server_.mutex_);
                reply = Reply(reply.with_body(server_.seen_[index_]));
            }
            if (dropped) return false;
        }
        if (reply.lost) return false;
        if (reply.raw) {
            drip(*reply.raw, reply.pause);
            return false;
        }
        send_reply(seen, reply);
        return !reply.early && !reply.drop_reply_at;
    }

    bool next_byte_is(char byte) {
        while (buffer_.empty()) receive();
        return buffer_[0] == byte;
    }

    void receive() {
        char chunk[16384];
        const ssize_t count = ::recv(fd_, chunk, sizeof chunk, 0);
        if (count < 0 && errno == EINTR) return;
        if (count <= 0) throw Gone();
        buffer_.append(chunk, static_cast<std::size_t>(count));
    }

    std::string read_line() {
        std::size_t end = 0;
        while ((end = buffer_.find("\r\n")) == std::string::npos) receive();
        std::string line = buffer_.substr(0, end);
        buffer_.erase(0, end + 2);
        return line;
    }

    Seen read_head() {
        Seen seen;
        const std::string start = read_line();
        const auto words = split(start, ' ');
        if (words.size() != 3) throw Gone();
        seen.method = words[0];
        seen.target = words[1];
        for (std::string line = read_line(); !line.empty(); line = read_line()) {
            const auto colon = std::min(line.find(':'), line.size() - 1);
            seen.headers[lower(line.substr(0, colon))] = trim(line.substr(colon + 1));
        }
        return seen;
    }

    void read_body(const Seen& seen, std::optional<std::size_t> at_most) {
        std::string body;
        if (lower(seen.header("transfer-encoding")) == "chunked") {
            const std::size_t most = at_most.value_or(std::string::npos);
            while (const std::size_t size = std::stoul(read_line(), nullptr, 16)) {
                take(std::min(size, most - body.size()), body);
                if (body.size() == most) break;
                (void)read_line();
            }
            if (body.size() < most) (void)read_line();
        } else if (const std::string length = seen.header("content-length"); !length.empty()) {
            take(std::min<std::size_t>(std::stoul(length), at_most.value_or(std::string::npos)), body);
        }
        const std::lock_guard lock(server_.mutex_);
        server_.seen_[index_].body = std::move(body);
    }

    void take(std::size_t size, std::string& into) {
        while (buffer_.size() < size) receive();
        into += buffer_.substr(0, size);
        buffer_.erase(0, size);
    }

    void send(std::string_view text) {
        while (!text.empty()) {
            const ssize_t count = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
            if (count < 0 && errno == EINTR) continue;
            if (count <= 0) throw Gone();
            text.remove_prefix(static_cast<std::size_t>(count));
        }
    }

    void drip(std::string_view text, std::chrono::milliseconds pause) {
        if (pause.count() == 0) return send(text);
        for (std::size_t i = 0; i < text.size(); ++i) {
            send(text.substr(i, 1));
            std::this_thread::sleep_for(pause);
        }
    }

    void send_reply(const Seen& seen, const Reply& reply) {
        std::string head = "HTTP/1.1 " + std::to_string(reply.status) + " As Told\r\n";
        bool chunked = false;
        for (const auto& [name, value] : reply.headers) {
            head += name + ": " + value + "\r\n";
            chunked = chunked || lower(name) == "transfer-encoding";
        }
        if (!chunked)
            head += "Content-Length: " + std::to_string(reply.claimed_length.value_or(reply.body.size())) + "\r\n";
        if (reply.early) head += "Connection: close\r\n";
        send(head + "\r\n");
        if (seen.method != "HEAD")
            drip(std::string_view(reply.body).substr(0, reply.drop_reply_at.value_or(std::string::npos)), reply.pause);
    }

    HttpServer& server_;
    int fd_;
    std::string buffer_;
    std::size_t index_ = 0;
};

HttpServer::HttpServer(Handler handler) : HttpServer(At{"127.0.0.1"}, std::move(handler)) {}

HttpServer::HttpServer(const At& at, Handler handler) : handler_(std::move(handler)), address_(at.address) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    (void)::inet_pton(AF_INET, address_.c_str(), &address.sin_addr);
    listen_on(AF_INET, &address, sizeof address);
    port_ = ntohs(address.sin_port);
}

HttpServer::HttpServer(Handler handler, const std::string& socket_path) : handler_(std::move(handler)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket_path.size() >= sizeof address.sun_path) throw std::runtime_error("no socket can have so long a path");
    socket_path.copy(address.sun_path, socket_path.size());
    listen_on(AF_UNIX, &address, sizeof address);
}

void HttpServer::listen_on(int family, void* address, socklen_t size) {
    listener_ = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto* generic = static_cast<sockaddr*>(address);
    if (::bind(listener_, generic, size) != 0 || ::listen(listener_, 16) != 0 ||
        ::getsockname(listener_, generic, &size) != 0)
        throw std::runtime_error("the test server cannot listen");
    acceptor_ = std::thread([this] { accept_all(); });
}

HttpServer::~HttpServer() {
    {
        const std::lock_guard lock(mutex_);
        closing_ = true;
        for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    }
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (std::thread& worker : workers_) worker.join();
    ::close(listener_);
}

void HttpServer::accept_all() {
    for (;;) {
        const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (fd < 0 && errno == EINTR) continue;
        if (fd < 0) return;
        ++connections_;
        // Else the body of a reply waits 40 ms for the other side to acknowledge the head. A Unix socket has no such.
        const int on = 1;
        (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        const std::lock_guard lock(mutex_);
        if (closing_) {
            ::close(fd);
            return;
        }
        open_.push_back(fd);
        workers_.emplace_back([this, fd] { serve(fd); });
    }
}

void HttpServer::serve(int fd) {
    try {
        Connection(*this, fd).run();
    } catch (const Gone&) {
    }
    const std::lock_guard lock(mutex_);
    std::erase(open_, fd);
    ::close(fd);
}

std::string HttpServer::host() const { return address_ + ":" + std::to_string(port_); }
std::string HttpServer::url() const { return "http://" + host(); }

std::vector<Seen> HttpServer::seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
}

Reply Script::operator()(const Seen& seen) {
    const std::lock_guard lock(mutex_);
    if (at_ < steps_.size() && matches(steps_[at_].request, seen.line())) return steps_[at_++].reply;
    trouble_ += "unexpected: " + seen.line() + "\n";
    return {.status = 599};
}

std::string Script::verdict() const {
    const std::lock_guard lock(mutex_);
    if (at_ < steps_.size()) return trouble_ + "never came: " + steps_[at_].request + "\n";
    return trouble_;
}

}  // namespace wasmx::test
