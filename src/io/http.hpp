// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <mutex>
#include <stop_token>
#include <vector>

#include "base/error.hpp"
#include "base/secret.hpp"
#include "io/address.hpp"
#include "io/stream.hpp"
#include "io/url.hpp"

namespace wasmx::io {

struct HttpHeader {
    std::string name;
    std::string value;
};

struct HttpRequest {
    std::string method = "GET";
    std::string url;
    /// With "Expect: 100-continue" a body is announced and waits a second for the server's word; else it goes at once.
    std::vector<HttpHeader> headers;
    /// Headers whose value must not be seen, such as Authorization.
    std::vector<std::pair<std::string, Secret>> secret_headers;
    /// Sent with its length, or chunked when it has none. Without a body a POST or PUT says Content-Length: 0.
    std::optional<Body> body;
    /// Path of a Unix socket to connect to instead of the URL's host.
    std::string unix_socket;
    /// Fail when no byte of a body moved, and no answer came to all that was sent, for so long; 0 means wait for ever.
    /// Here and below only the wait for the other side counts, not what we take ourselves to make or take a body.
    std::chrono::seconds idle_limit{0};
    /// Fail when a body moves by fewer bytes a second than this, on average of an idle_limit.
    std::uint64_t least_rate = 0;
    /// Fail when the answer is not complete after so long, however it moves; 0 means that it may last.
    std::chrono::seconds total_limit{0};
    std::chrono::seconds connect_limit{10};
    /// Ends this request, beside the client's own, which ends all.
    std::stop_token stop{};
    /// Where the server is that gave us the URL, when it was not the user: what it may not lead to is Fault::denied,
    /// before anything is sent. (may_lead_to)
    std::optional<AddressScope> led_by = std::nullopt;
};

struct HttpResponse {
    int status = 0;
    std::vector<HttpHeader> headers;
    /// The body as it arrives; the connection is freed with it. Throws TransportError when it breaks off.
    SourcePtr body;
    /// Where the server is that was connected to; behind a proxy what its name says, else global.
    AddressScope peer = AddressScope::global;

    /// The first header of that name (any case).
    std::optional<std::string> find_header(std::string_view name) const;
    std::vector<std::string> all_headers(std::string_view name) const;
};

/// No HTTP answer, or a broken one: what a retry may mend.
class TransportError : public Error {
public:
    enum class Kind { resolve, connect, tls, timeout, broken };
    TransportError(Kind kind, std::string_view message, std::string_view hint = {})
        : Error(Fault::unavailable, message, hint), kind_(kind) {}
    Kind kind() const noexcept { return kind_; }

private:
    Kind kind_;
};

/// For TLS with one host, as PEM; each may be empty.
struct TlsFiles {
    std::string authorities;  ///< trusted too; what is damaged among them is left out, as Go's clients do
    std::string certificate;  ///< ours, where the host wants to see one, and the chain to its authority
    Secret key;               ///< of our certificate
};

/// HTTP/1.1 with libcurl. One `send` is exactly one request: no redirect is followed, nothing is retried, no cookie is
/// kept, and any status is a value. A URL of another scheme, or with a user in it, is refused. Safe to use from several
/// threads; connections are kept for later requests.
class HttpClient {
public:
    explicit HttpClient(std::stop_token stop, std::string user_agent);
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    /// Returns once the response's headers are there. The response's body must not outlive the client.
    HttpResponse send(const HttpRequest& request);

    const std::stop_token& stop() const noexcept { return stop_; }

    /// Gives what is particular to one host, beside what the machine trusts, which is $SSL_CERT_FILE where that is set.
    /// Called before the first request.
    using Trust = std::function<TlsFiles(const std::string& host, int port)>;
    void trust(Trust also) { trust_ = std::move(also); }

private:
    friend class Exchange;
    struct Line;  // a curl handle with its own connections
    std::unique_ptr<Line> take_line();
    void give_back(std::unique_ptr<Line> line) noexcept;

    std::stop_token stop_;
    std::string user_agent_;
    Trust trust_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<Line>> idle_;
};

}  // namespace wasmx::io
