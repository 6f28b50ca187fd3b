// SPDX-License-Identifier: Apache-2.0
#include "io/loopback.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <list>
#include <mutex>
#include <thread>

#include "base/text.hpp"
#include "io/file.hpp"

namespace wasmx::io {

namespace {

constexpr std::size_t most_head = std::size_t{64} << 10;
constexpr std::size_t most_connections = 64;
constexpr std::chrono::milliseconds linger_pause{5};
constexpr timeval linger_limit{.tv_sec = 5, .tv_usec = 0};

TransportError broken(std::string what) { return {TransportError::Kind::broken, std::move(what)}; }

/// The bytes of a connection, with what was read ahead.
class Wire {
public:
    explicit Wire(int fd) : fd_(fd), buffer_(chunk_size) {}

    std::size_t read(std::span<std::byte> buffer) {
        if (held_.empty()) return receive(buffer);
        const std::size_t count = std::min(buffer.size(), held_.size());
        std::copy_n(held_.begin(), count, buffer.begin());
        held_ = held_.subspan(count);
        return count;
    }

    /// Up to and without `end`; nullopt when the connection ends first.
    std::optional<std::string> read_until(std::string_view end, std::size_t limit) {
        std::string out;
        for (;;) {
            // The end may have begun in what came before.
            const std::size_t seen = out.size() - std::min(out.size(), end.size() - 1);
            const std::size_t before = out.size();
            out += text_of(held_);
            if (const auto at = out.find(end, seen); at != std::string::npos) {
                held_ = held_.subspan(at + end.size() - before);
                out.resize(at);
                return out;
            }
            // TLS begins with 22. (RFC 8446, 5.1)
            const bool is_http = out.empty() || out[0] != '\x16';
            if (out.size() > limit || !is_http) return std::nullopt;
            const std::size_t count = receive(buffer_);
            held_ = std::span(buffer_).first(count);
            ended_ = count == 0;
            if (ended_) return std::nullopt;
        }
    }

    bool has_ended() const { return ended_; }

    bool send(std::string_view text) {
        while (!text.empty()) {
            const ssize_t count = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
            if (count < 0 && errno == EINTR) continue;
            if (count <= 0) return false;
            text.remove_prefix(static_cast<std::size_t>(count));
        }
        return true;
    }

    // To close with bytes unread resets the connection, which may overtake the reply. (RFC 9112, 9.6) They are read
    // slowly, so that the other side is not busy with what nobody wants until it sees the reply.
    void linger() {
        ::shutdown(fd_, SHUT_WR);
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &linger_limit, sizeof linger_limit);
        std::byte buffer[4096];
        while (receive(buffer) > 0) std::this_thread::sleep_for(linger_pause);
    }

    // The window's scale was settled with the connection, so there is no use in more than 64 KiB. (RFC 7323, 2.2)
    void widen() {
        constexpr int window = 64 * 1024;
        constexpr int buffer = 2 * window;
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
        ::setsockopt(fd_, IPPROTO_TCP, TCP_WINDOW_CLAMP, &window, sizeof window);
    }

private:
    std::size_t receive(std::span<std::byte> buffer) {
        for (;;) {
            const ssize_t count = ::recv(fd_, buffer.data(), buffer.size(), 0);
            if (count >= 0) return static_cast<std::size_t>(count);
            if (errno != EINTR) return 0;
        }
    }

    int fd_;
    std::vector<std::byte> buffer_;
    std::span<const std::byte> held_;  // of the buffer, not yet read
    bool ended_ = false;
};

/// A request's body: chunked, of a known length, or none. (RFC 9112, 6 and 7.1)
class RequestBody final : public Source {
public:
    RequestBody(Wire& wire, bool is_chunked, std::uint64_t length)
        : wire_(wire), is_chunked_(is_chunked), left_(is_chunked ? 0 : length), over_(!is_chunked && length == 0) {}

    std::size_t read(std::span<std::byte> buffer) override {
        if (over_ || buffer.empty()) return 0;
        if (is_chunked_ && left_ == 0) next_chunk();
        if (over_) return 0;
        const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), left_));
        const std::size_t count = wire_.read(buffer.first(most));
        if (count == 0) throw broken("the request broke off");
        left_ -= count;
        if (left_ == 0 && !is_chunked_) over_ = true;
        return count;
    }

    bool over() const { return over_; }

private:
    std::string line() {
        const auto out = wire_.read_until("\r\n", most_head);
        if (!out) throw broken("the request broke off");
        return *out;
    }

    void next_chunk() {
        if (!first_ && !line().empty()) throw broken("a chunk is longer than it says");
        first_ = false;
        const std::string size = line();
        const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), left_, 16);
        if (error != std::errc() || end == size.data()) throw broken("a chunk does not say how long it is");
        if (left_ > 0) return;
        while (!line().empty()) {  // trailers
        }
        over_ = true;
    }

    Wire& wire_;
    bool is_chunked_;
    std::uint64_t left_;
    bool over_;
    bool first_ = true;
};

std::string header_of(const std::vector<HttpHeader>& headers, std::string_view name) {
    for (const HttpHeader& header : headers)
        if (lower(header.name) == name) return header.value;
    return {};
}

std::optional<std::vector<HttpHeader>> parse_head(const std::string& head, std::string& method, std::string& target) {
    const auto lines = split(head, '\n');
    const auto words = split(lines.front(), ' ');
    if (words.size() != 3 || !words[2].starts_with("HTTP/1.1")) return std::nullopt;
    method = words[0];
    target = words[1];
    std::vector<HttpHeader> out;
    for (std::size_t i = 1; i < lines.size(); ++i) {
        const auto colon = lines[i].find(':');
        if (colon == std::string_view::npos) return std::nullopt;
        out.push_back({std::string(trim(lines[i].substr(0, colon))), std::string(trim(lines[i].substr(colon + 1)))});
    }
    return out;
}

std::string text_of_reply(const LoopbackReply& reply, bool is_head, bool close) {
    // The reason may be empty. (RFC 9112, 4)
    std::string out = fmt::format("HTTP/1.1 {} \r\n", reply.status);
    for (const HttpHeader& header : reply.headers) out += fmt::format("{}: {}\r\n", header.name, header.value);
    out += fmt::format("Content-Length: {}\r\n", is_head ? reply.length.value_or(0) : reply.body.size());
    if (close) out += "Connection: close\r\n";
    out += "\r\n";
    if (!is_head) out += reply.body;
    return out;
}

// Go's TLS, as in containerd, goes on without TLS when it hears this, and not when it hears nothing.
bool refuse(Wire& wire) {
    if (wire.has_ended()) return false;
    if (wire.send(text_of_reply({.status = 400}, false, true))) wire.linger();
    return false;
}

/// One request and its reply; false when there is to be no other.
bool serve_one(Wire& wire, const LoopbackServer::Handler& handler, LoopbackServer::Ahead ahead) {
    const auto head = wire.read_until("\r\n\r\n", most_head);
    std::string method, target;
    const auto headers = head ? parse_head(*head, method, target) : std::nullopt;
    if (!headers) return refuse(wire);
    const bool is_chunked = lower(header_of(*headers, "transfer-encoding")) == "chunked";
    const std::string length = header_of(*headers, "content-length");
    const auto size = length.empty() ? 0 : parse_number(length);
    if (!size) return refuse(wire);
    RequestBody body(wire, is_chunked, *size);
    const auto question = std::min(target.find('?'), target.size());
    LoopbackRequest request{
        method, target.substr(0, question), target.substr(std::min(question + 1, target.size())), *headers, body, [&] {
            if (ahead == LoopbackServer::Ahead::little) wire.widen();
        }};
    const LoopbackReply reply = handler(request);
    const bool close = !body.over() || lower(header_of(*headers, "connection")) == "close";
    if (!wire.send(text_of_reply(reply, method == "HEAD", close))) return false;
    if (close) wire.linger();
    return !close;
}

}  // namespace

struct LoopbackServer::State {
    struct Connection {
        Fd fd;
        std::atomic<bool> over = false;
        std::jthread thread;
    };

    State(Handler handle, Ahead how_far) : handler(std::move(handle)), ahead(how_far) {
        listener = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* const any = reinterpret_cast<sockaddr*>(&address);
        if (ahead == Ahead::little) limit_ahead();
        if (!listener || ::bind(listener.get(), any, size) != 0 || ::listen(listener.get(), 16) != 0 ||
            ::getsockname(listener.get(), any, &size) != 0)
            throw system_error("listening on 127.0.0.1", errno);
        port = ntohs(address.sin_port);
        acceptor = std::jthread([this] { accept_all(); });
    }

    // The sender's buffer has room for some twenty segments, which are of 64 KiB on loopback otherwise. (Linux)
    void limit_ahead() {
        constexpr int segment = 1460;
        constexpr int window = 16 * 1024;
        ::setsockopt(listener.get(), IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
        ::setsockopt(listener.get(), SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
    }

    ~State() {
        closing = true;
        ::shutdown(listener.get(), SHUT_RDWR);  // ends the accept (Linux)
        acceptor.join();
        for (Connection& connection : connections) ::shutdown(connection.fd.get(), SHUT_RDWR);
    }

    void accept_all() {
        while (!closing) {
            Fd fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (closing) return;
            connections.remove_if([](const Connection& connection) { return connection.over.load(); });
            if (!fd) {
                std::this_thread::sleep_for(std::chrono::milliseconds(50));  // out of descriptors, mostly
                continue;
            }
            if (connections.size() >= most_connections) continue;
            const int on = 1;
            ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            Connection& connection = connections.emplace_back();
            connection.fd = std::move(fd);
            connection.thread = std::jthread([this, &connection] { serve(connection); });
        }
    }

    void serve(Connection& connection) noexcept {
        try {
            Wire wire(connection.fd.get());
            while (!closing && serve_one(wire, handler, ahead)) {
            }
        } catch (...) {  // the other side sees it end
        }
        ::shutdown(connection.fd.get(), SHUT_RDWR);
        connection.over = true;
    }

    const Handler handler;
    const Ahead ahead;
    Fd listener;
    std::uint16_t port = 0;
    std::atomic<bool> closing = false;
    std::list<Connection> connections;  // of the acceptor, and, when that is over, of the destructor
    std::jthread acceptor;
};

std::string LoopbackRequest::header(std::string_view name) const { return header_of(headers, name); }

LoopbackServer::LoopbackServer(Handler handler, Ahead ahead)
    : state_(std::make_unique<State>(std::move(handler), ahead)) {}

LoopbackServer::~LoopbackServer() = default;

std::uint16_t LoopbackServer::port() const noexcept { return state_->port; }

}  // namespace wasmx::io
