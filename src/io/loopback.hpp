// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/http.hpp"
#include "io/stream.hpp"

namespace wasmx::io {

/// A request of which the headers are there.
struct LoopbackRequest {
    std::string method;
    std::string path;  ///< as it was sent, up to the "?"
    std::string query;
    std::vector<HttpHeader> headers;
    Source& body;  ///< throws TransportError when it breaks off
    /// The body is wanted: more of it may come before it is read, where the server allows but `little`.
    std::function<void()> welcome;

    /// By its name in lower case; empty when there is none.
    std::string header(std::string_view name) const;
};

struct LoopbackReply {
    int status = 200;
    std::vector<HttpHeader> headers = {};
    std::string body = {};
    std::optional<std::uint64_t> length = std::nullopt;  ///< Content-Length in reply to HEAD
};

/// An HTTP/1.1 server on 127.0.0.1, at a free port, for one other program of this machine: a thread for each
/// connection. What greets it with anything but HTTP, such as TLS, is told so in HTTP (400), and hung up on.
class LoopbackServer {
public:
    /// Called by several threads. A body need not be read: the reply is then sent at once, and the connection closed.
    /// What it throws closes the connection without a reply.
    using Handler = std::function<LoopbackReply(LoopbackRequest&)>;
    /// How much the other side may send of a body before it is read. `little` is for senders that go to expense for
    /// what may turn out not to be wanted; it costs some speed until the body is welcome.
    enum class Ahead { much, little };
    explicit LoopbackServer(Handler handler, Ahead ahead = Ahead::much);
    /// Breaks off all connections and waits for the handlers.
    ~LoopbackServer();
    LoopbackServer(const LoopbackServer&) = delete;
    LoopbackServer& operator=(const LoopbackServer&) = delete;

    std::uint16_t port() const noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace wasmx::io
