// SPDX-License-Identifier: Apache-2.0
#include "io/http.hpp"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/text.hpp"
#include "io/file.hpp"
#include "io/pace.hpp"
#include "io/pem.hpp"
#include "io/proxy.hpp"

namespace wasmx::io {

namespace {

// A slow reader must stop the download here, not fill the memory.
constexpr std::size_t backlog_limit = 1 << 20;
// Of all that comes before, between and behind the bodies of an answer, 1xx answers and trailers included. curl bounds
// one line, and from 8.3 on the bytes. A registry sends some 2 KiB.
constexpr std::size_t most_header_bytes = std::size_t{256} * 1024;
constexpr std::size_t most_header_lines = 1000;

void start_curl() {
    static const CURLcode once = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (once != CURLE_OK) throw Error(Fault::bug, "libcurl does not start");
}

struct FreeList {
    void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

void append(HeaderList& list, const std::string& line) {
    curl_slist* longer = curl_slist_append(list.get(), line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    (void)list.release();  // NOLINT(bugprone-unused-return-value): it is part of `longer`
    list.reset(longer);
}

/// What a request got to before it failed.
struct Evidence {
    CURLcode code = CURLE_OK;
    std::string detail;      ///< curl's words
    int os_error = 0;        ///< of the connection
    bool connected = false;  ///< to the host, or to the proxy before it
    bool proxied = false;
};

// No packet is sent: the kernel looks for a route alone.
bool has_route(int family) {
    const Fd fd(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (family == AF_INET) {
        sockaddr_in there{};
        there.sin_family = AF_INET;
        there.sin_port = htons(443);
        ::inet_pton(AF_INET, "192.0.2.1", &there.sin_addr);
        return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&there), sizeof there) == 0;
    }
    sockaddr_in6 there{};
    there.sin6_family = AF_INET6;
    there.sin6_port = htons(443);
    ::inet_pton(AF_INET6, "2001:db8::1", &there.sin6_addr);
    return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&there), sizeof there) == 0;
}

std::string hint_of_proxy(std::string_view what) {
    return fmt::format(
        "the proxy that {} names {}: `env | grep -i proxy` shows it; NO_PROXY lists the hosts that are "
        "asked without it",
        proxy_variable(), what);
}

std::string hint_of_unreached(const Evidence& seen, const HttpRequest& request) {
    if (seen.proxied) return hint_of_proxy("does not answer");
    if (request.unix_socket.empty() && seen.os_error != ECONNREFUSED && !is_loopback(Url::parse(request.url).host)) {
        const bool v4 = has_route(AF_INET);
        const bool v6 = has_route(AF_INET6);
        if (!v4 && !v6) return "this machine has no network: `ip route` shows no route to the outside";
        if (!v4)
            return "this machine has an IPv6 network alone, and the host's address is probably one of IPv4 (`getent "
                   "ahosts HOST`): it takes NAT64, or a proxy that HTTPS_PROXY names";
        if (seen.os_error == ENETUNREACH || seen.os_error == EHOSTUNREACH)
            return "this machine has no route to that address: `ip route get ADDRESS` tells why";
    }
    return seen.code == CURLE_OPERATION_TIMEDOUT
               ? "nobody answers at that address: a firewall, or a network that is left by a proxy (HTTPS_PROXY)"
               : "is the address right, and does the service run?";
}

bool says(const Evidence& seen, std::initializer_list<std::string_view> words) {
    const std::string text = lower(seen.detail);
    return std::any_of(words.begin(), words.end(), [&](auto word) { return text.find(word) != std::string::npos; });
}

std::string hint_of_certificate(const Evidence& seen) {
    if (says(seen, {"has expired", "not yet valid"}))
        return "the server's certificate is out of date, or this machine's clock is wrong: `date`";
    if (says(seen, {"subject name", "does not match"}))
        return "the server's certificate is for another name: is the address right?";
    return "this machine does not trust the certificate: put its authority into /etc/docker/certs.d/HOST:PORT/ca.crt, "
           "or name it in SSL_CERT_FILE; install ca-certificates; check the clock";
}

TransportError transport_error(const Evidence& seen, const HttpRequest& request) {
    using Kind = TransportError::Kind;
    Kind kind = Kind::broken;
    std::string hint;
    switch (seen.code) {
        case CURLE_COULDNT_RESOLVE_PROXY:
            kind = Kind::resolve;
            hint = hint_of_proxy("has no address");
            break;
        case CURLE_COULDNT_RESOLVE_HOST:
            kind = Kind::resolve;
            hint = "is the host's name right, and has this machine a network? A proxy is named by HTTPS_PROXY";
            break;
        case CURLE_COULDNT_CONNECT:
            kind = Kind::connect;
            hint = hint_of_unreached(seen, request);
            break;
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CACERT_BADFILE:
            kind = Kind::tls;
            hint = hint_of_certificate(seen);
            break;
        case CURLE_SSL_CERTPROBLEM:
            kind = Kind::tls;
            hint =
                "the client certificate in certs.d cannot be used: `openssl x509 -in client.cert`, and is client.key "
                "its key, without a password?";
            break;
        case CURLE_OPERATION_TIMEDOUT:
            kind = Kind::timeout;
            hint = seen.connected ? "it takes connections and says nothing, or a firewall swallows the answer: is the "
                                    "service well?"
                                  : hint_of_unreached(seen, request);
            break;
        default:
            // The server's word comes with its first answer in TLS 1.3, and before in TLS 1.2.
            if (says(seen, {"alert certificate required", "alert bad certificate", "alert handshake failure",
                            "alert unknown ca"})) {
                kind = Kind::tls;
                hint =
                    "the server wants a client certificate, or another one: put it into "
                    "/etc/docker/certs.d/HOST:PORT/client.cert, and its key beside it into client.key";
            } else if (says(seen, {"wrong version number", "packet length too long", "http request"})) {
                kind = Kind::tls;
                hint =
                    "that port speaks no TLS: is the port right? A registry without TLS is taken on this machine "
                    "(loopback) alone";
            } else if (says(seen, {"connect tunnel failed", "proxy after connect", "proxy connect aborted"})) {
                hint = hint_of_proxy("refuses to connect us");
            }
            break;
    }
    const std::string reason = seen.detail.empty() ? curl_easy_strerror(seen.code) : seen.detail;
    const std::string where = request.unix_socket.empty() ? printable_url(request.url) : request.unix_socket;
    return {kind, fmt::format("{} {}: {}", request.method, where, printable(reason)), hint};
}

// curl passes a header on as it is, and a line end in it would begin another one.
void append_header(HeaderList& list, std::string_view name, std::string_view value) {
    const auto breaks = [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == '\x7f'; };
    if (std::any_of(value.begin(), value.end(), breaks))
        throw Error(Fault::config, fmt::format("the header {} cannot have a value with control characters", name));
    append(list, fmt::format("{}: {}", name, value));
}

}  // namespace

struct HttpClient::Line {
    struct FreeEasy {
        void operator()(CURL* easy) const noexcept { curl_easy_cleanup(easy); }
    };
    struct FreeMulti {
        void operator()(CURLM* multi) const noexcept { curl_multi_cleanup(multi); }
    };
    std::unique_ptr<CURLM, FreeMulti> multi{curl_multi_init()};
    std::unique_ptr<CURL, FreeEasy> easy{curl_easy_init()};
};

/// One request under way. curl keeps pointers into it, so it stays where it is.
class Exchange {
public:
    Exchange(HttpClient& client, const HttpRequest& request)
        : client_(client),
          request_(request),
          url_(Url::parse(request.url)),
          pace_(request.idle_limit, request.least_rate, request.total_limit),
          line_(client.take_line()),
          wake_(client.stop_, Wake{line_->multi.get()}),
          wake_too_(request.stop, Wake{line_->multi.get()}) {
        set_up();
        curl_multi_add_handle(line_->multi.get(), line_->easy.get());
    }
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;
    ~Exchange() {
        curl_multi_remove_handle(line_->multi.get(), line_->easy.get());
        // One whose host had no address keeps its buffer, and could not be set up again.
        if (failed_) return;
        curl_easy_reset(line_->easy.get());
        client_.give_back(std::move(line_));
    }

    void wait_for_headers() {
        while (!headers_done_ && !finished_) pump();
    }

    std::size_t read(std::span<std::byte> buffer) {
        while (backlog_at_ == backlog_.size()) {
            if (broken_) throw *std::exchange(broken_, std::nullopt);
            if (finished_ || buffer.empty()) return 0;
            backlog_.clear();
            backlog_at_ = 0;
            if (paused_) {
                paused_ = false;
                curl_easy_pause(line_->easy.get(), CURLPAUSE_CONT);
                continue;
            }
            pump();
        }
        const std::size_t count = std::min(buffer.size(), backlog_.size() - backlog_at_);
        std::copy_n(backlog_.data() + backlog_at_, count, reinterpret_cast<char*>(buffer.data()));
        backlog_at_ += count;
        return count;
    }

    int status() const { return status_; }
    std::vector<HttpHeader>& headers() { return headers_; }
    AddressScope peer() const { return peer_; }

private:
    struct Wake {
        CURLM* multi;
        void operator()() const noexcept { curl_multi_wakeup(multi); }  // the one call that other threads may make
    };

    template <class Value>
    void set(CURLoption option, Value value) {
        if (curl_easy_setopt(line_->easy.get(), option, value) != CURLE_OK)
            throw Error(Fault::bug, fmt::format("libcurl refuses option {}", static_cast<int>(option)));
    }

    void set_up() {
        // curl would send the user along.
        if (url_.has_user || (url_.scheme != "https" && url_.scheme != "http"))
            throw Error(Fault::denied, fmt::format("{} {}: {}", request_.method, printable_url(request_.url),
                                                   url_.has_user ? "the URL names a user" : "that is no HTTP"));
        peer_ = scope_of_host(url_.host).value_or(AddressScope::global);
        if (request_.unix_socket.empty()) check_peer(url_.host);  // before a proxy is told
        set(CURLOPT_URL, request_.url.c_str());
#if LIBCURL_VERSION_NUM >= 0x075500
        set(CURLOPT_PROTOCOLS_STR, "http,https");
#else
        set(CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
        set(CURLOPT_USERAGENT, client_.user_agent_.c_str());
        set(CURLOPT_NOSIGNAL, 1L);
        set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
        set(CURLOPT_BUFFERSIZE, 256L * 1024);  // of what is received; the usual 16 KiB is a system call each
        set(CURLOPT_ERRORBUFFER, detail_);
        set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);  // what a proxy says of the tunnel is no answer to the request
        set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(request_.connect_limit.count()));
        set(CURLOPT_PREREQFUNCTION, &Exchange::on_connected);
        set(CURLOPT_PREREQDATA, this);
        if (!request_.unix_socket.empty()) {
            set(CURLOPT_UNIX_SOCKET_PATH, request_.unix_socket.c_str());
            set(CURLOPT_PROXY, "");
        } else if (is_loopback(url_.host) || is_listed(no_proxy(), url_.host, url_.port)) {
            set(CURLOPT_PROXY, "");  // loopback never, as Go's net/http has it for docker and everything else
        } else {
            set(CURLOPT_NOPROXY, "");  // curl's own reading of the variable
            is_proxied_ = !proxy_variable().empty();
        }
        // curl repeats a request by itself when a kept connection turns out to be dead. An engine may have begun by
        // then, and its socket is next door, so what changes something there gets a connection of its own.
        if (!request_.unix_socket.empty() && request_.method == "POST") set(CURLOPT_FRESH_CONNECT, 1L);
        set(CURLOPT_HEADERFUNCTION, &Exchange::on_header);
        set(CURLOPT_HEADERDATA, this);
        set_up_trust();
        set(CURLOPT_WRITEFUNCTION, &Exchange::on_data);
        set(CURLOPT_WRITEDATA, this);
        set_up_body();
        set_up_headers();
    }

    void set_up_trust() {
        if (url_.scheme != "https") return;
        const std::string chosen = environment("SSL_CERT_FILE");  // as OpenSSL and Go have it
        if (!chosen.empty()) set(CURLOPT_CAINFO, chosen.c_str());
        if (!client_.trust_) return;
        tls_ = client_.trust_(url_.host, url_.port);
        if (const std::string also = readable_certificates(tls_.authorities); !also.empty()) {
            const char* usual = curl_version_info(CURLVERSION_NOW)->cainfo;
            const std::string file = !chosen.empty() ? chosen : usual != nullptr ? usual : "";
            tls_.authorities = find_file(file).value_or("") + "\n" + also;
            set_blob(CURLOPT_CAINFO_BLOB, tls_.authorities);
        }
        if (tls_.certificate.empty()) return;
        set_blob(CURLOPT_SSLCERT_BLOB, tls_.certificate);
        set_blob(CURLOPT_SSLKEY_BLOB, tls_.key.reveal());
        set(CURLOPT_KEYPASSWD, "");  // curl would ask on the terminal
    }

    void set_blob(CURLoption option, std::string_view text) {
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): curl reads it
        curl_blob blob{const_cast<char*>(text.data()), text.size(), CURL_BLOB_NOCOPY};
        set(option, &blob);
    }

    void set_up_body() {
        if (request_.method == "HEAD") {
            set(CURLOPT_NOBODY, 1L);
        } else if (request_.body) {
            set(CURLOPT_UPLOAD, 1L);
            set(CURLOPT_INFILESIZE_LARGE,
                request_.body->size ? static_cast<curl_off_t>(*request_.body->size) : curl_off_t{-1});
            set(CURLOPT_READFUNCTION, &Exchange::on_upload);
            set(CURLOPT_READDATA, this);
            set(CURLOPT_SEEKFUNCTION, &Exchange::on_rewind);
            set(CURLOPT_SEEKDATA, this);
            set(CURLOPT_UPLOAD_BUFFERSIZE, 512L * 1024);
        } else if (request_.method == "POST" || request_.method == "PUT" || request_.method == "PATCH") {
            set(CURLOPT_POST, 1L);
            set(CURLOPT_POSTFIELDS, "");
            set(CURLOPT_POSTFIELDSIZE, 0L);
        }
        if (request_.method != "HEAD") set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
    }

    void set_up_headers() {
        bool typed = false;
        bool expecting = false;
        for (const HttpHeader& header : request_.headers) {
            append_header(list_, header.name, header.value);
            typed = typed || lower(header.name) == "content-type";
            expecting = expecting || lower(header.name) == "expect";
        }
        // Only where it was asked for: dockerd 29 breaks off a build that says 100-continue.
        if (!expecting) append(list_, "Expect:");
        if (!typed) append(list_, "Content-Type:");  // curl would claim a form
        for (const auto& [name, value] : request_.secret_headers) append_header(list_, name, value.reveal());
        set(CURLOPT_HTTPHEADER, list_.get());
    }

    // Moves what can be moved, then waits for more.
    void pump() {
        if (is_stopped()) throw_interrupted();
        CURLM* multi = line_->multi.get();
        int running = 0;
        const bool knew_headers = headers_done_;
        CURLMcode status = curl_multi_perform(multi, &running);
        if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
        if (running == 0) return conclude();
        check_pace();
        const bool news = backlog_at_ < backlog_.size() || headers_done_ != knew_headers;
        if (status == CURLM_OK && !news) {
            const auto began = std::chrono::steady_clock::now();
            status = curl_multi_poll(multi, nullptr, 0, 1000, nullptr);
            pace_.waited(std::chrono::steady_clock::now() - began);
        }
        if (status != CURLM_OK) throw Error(Fault::bug, fmt::format("libcurl: {}", curl_multi_strerror(status)));
        if (is_stopped()) throw_interrupted();
    }

    void check_pace() {
        curl_off_t sent = 0;
        curl_easy_getinfo(line_->easy.get(), CURLINFO_SIZE_UPLOAD_T, &sent);
        const auto uploaded = static_cast<std::uint64_t>(sent);
        const bool is_sending = request_.body && (!handed_all_ || uploaded < handed_);
        const std::string trouble = pace_.find_trouble(uploaded + received_, is_sending || headers_done_);
        if (!trouble.empty()) throw transport_error(evidence(CURLE_OPERATION_TIMEDOUT, trouble), request_);
    }

    Evidence evidence(CURLcode code, std::string detail) const {
        long os_error = 0;
        curl_easy_getinfo(line_->easy.get(), CURLINFO_OS_ERRNO, &os_error);
        return {code, std::move(detail), static_cast<int>(os_error), is_connected_, is_proxied_};
    }

    void check_peer(std::string_view address) const {
        if (!request_.led_by || may_lead_to(*request_.led_by, peer_)) return;
        throw Error(Fault::denied, fmt::format("{} {}: that is {} ({}), and a server on {} may not lead there",
                                               request_.method, printable_url(request_.url), name_of(peer_),
                                               printable(address), name_of(*request_.led_by)));
    }

    // Before each request, whether the connection is new or kept.
    static int on_connected(void* self, char* address, char*, int port, int) noexcept {
        auto* exchange = static_cast<Exchange*>(self);
        return exchange->guarded(
            [&] {
                exchange->is_connected_ = true;
                // Another port than the URL's is a proxy's. Whom that connects to nobody tells, so the name decides.
                if (port != exchange->url_.port || address[0] == '\0') return CURL_PREREQFUNC_OK;
                exchange->peer_ = scope_of_address(address);
                exchange->check_peer(address);
                return CURL_PREREQFUNC_OK;
            },
            CURL_PREREQFUNC_ABORT);
    }

    bool is_stopped() const { return client_.stop_.stop_requested() || request_.stop.stop_requested(); }

    void conclude() {
        finished_ = true;
        int left = 0;
        while (const CURLMsg* message = curl_multi_info_read(line_->multi.get(), &left)) {
            if (message->msg != CURLMSG_DONE || message->data.result == CURLE_OK) continue;
            failed_ = true;
            broken_ = transport_error(evidence(message->data.result, detail_), request_);
        }
        headers_done_ = true;
        // What arrived before the end is read before the error is met.
        if (broken_ && backlog_at_ == backlog_.size()) throw *std::exchange(broken_, std::nullopt);
    }

    template <class Work, class Result>
    Result guarded(Work&& work, Result on_error) noexcept {
        try {
            return work();
        } catch (...) {
            error_ = std::current_exception();
            return on_error;
        }
    }

    static std::size_t on_header(const char* data, std::size_t, std::size_t size, void* self) noexcept {
        auto* exchange = static_cast<Exchange*>(self);
        return exchange->guarded([&] { return exchange->take_header({data, size}), size; }, std::size_t{0});
    }

    void take_header(std::string_view line) {
        header_bytes_ += line.size();
        if (header_bytes_ > most_header_bytes || ++header_lines_ > most_header_lines)
            throw Error(Fault::unavailable, fmt::format("{} {}: the answer has more headers than any server sends",
                                                        request_.method, printable_url(request_.url)));
        if (headers_done_) return;  // a trailer
        line = trim(line);
        if (line.starts_with("HTTP/")) {  // again after 100 Continue and after a proxy's CONNECT
            headers_.clear();
            const auto blank = line.find(' ');
            status_ = 0;
            for (std::size_t i = blank + 1; blank != std::string_view::npos && i < line.size() && i < blank + 4; ++i)
                if (line[i] >= '0' && line[i] <= '9') status_ = status_ * 10 + (line[i] - '0');
        } else if (line.empty()) {
            headers_done_ = status_ >= 200;
        } else if (const auto colon = line.find(':'); colon != std::string_view::npos) {
            headers_.push_back({std::string(trim(line.substr(0, colon))), std::string(trim(line.substr(colon + 1)))});
        }
    }

    static std::size_t on_data(const char* data, std::size_t, std::size_t size, void* self) noexcept {
        auto* exchange = static_cast<Exchange*>(self);
        if (exchange->backlog_.size() >= backlog_limit) {
            exchange->paused_ = true;
            return CURL_WRITEFUNC_PAUSE;
        }
        return exchange->guarded(
            [&] {
                exchange->backlog_.append(data, size);
                exchange->received_ += size;
                return size;
            },
            std::size_t{0});
    }

    static std::size_t on_upload(char* data, std::size_t, std::size_t size, void* self) noexcept {
        auto* exchange = static_cast<Exchange*>(self);
        if (exchange->is_stopped()) return CURL_READFUNC_ABORT;
        return exchange->guarded(
            [&] {
                if (!exchange->upload_) exchange->upload_ = exchange->request_.body->open();
                const std::size_t count = exchange->upload_->read(std::as_writable_bytes(std::span(data, size)));
                exchange->handed_ += count;
                exchange->handed_all_ = count == 0 || exchange->handed_ == exchange->request_.body->size;
                return count;
            },
            std::size_t{CURL_READFUNC_ABORT});
    }

    // curl sends a body again, from its start, when a kept connection turns out to be dead.
    static int on_rewind(void* self, curl_off_t offset, int origin) noexcept {
        auto* exchange = static_cast<Exchange*>(self);
        if (offset != 0 || origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
        exchange->upload_.reset();
        exchange->handed_ = 0;
        exchange->handed_all_ = false;
        return CURL_SEEKFUNC_OK;
    }

    HttpClient& client_;
    const HttpRequest request_;
    const Url url_;
    Pace pace_;
    AddressScope peer_ = AddressScope::global;
    std::unique_ptr<HttpClient::Line> line_;
    std::stop_callback<Wake> wake_;
    std::stop_callback<Wake> wake_too_;
    TlsFiles tls_;
    bool failed_ = false;
    bool is_proxied_ = false;
    bool is_connected_ = false;
    HeaderList list_;
    char detail_[CURL_ERROR_SIZE] = {};
    SourcePtr upload_;
    std::uint64_t handed_ = 0;  // to curl, which has sent it a little later
    bool handed_all_ = false;
    std::uint64_t received_ = 0;
    std::size_t header_bytes_ = 0;
    std::size_t header_lines_ = 0;
    int status_ = 0;
    std::vector<HttpHeader> headers_;
    bool headers_done_ = false;
    bool finished_ = false;
    std::optional<TransportError> broken_;
    bool paused_ = false;
    std::string backlog_;
    std::size_t backlog_at_ = 0;
    std::exception_ptr error_;
};

namespace {

class ResponseBody final : public Source {
public:
    explicit ResponseBody(std::unique_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
    std::size_t read(std::span<std::byte> buffer) override { return exchange_->read(buffer); }

private:
    std::unique_ptr<Exchange> exchange_;
};

}  // namespace

HttpClient::HttpClient(std::stop_token stop, std::string user_agent)
    : stop_(std::move(stop)), user_agent_(std::move(user_agent)) {
    start_curl();
}

HttpClient::~HttpClient() = default;

std::unique_ptr<HttpClient::Line> HttpClient::take_line() {
    {
        const std::lock_guard lock(mutex_);
        if (!idle_.empty()) {
            auto line = std::move(idle_.back());
            idle_.pop_back();
            return line;
        }
    }
    auto line = std::make_unique<Line>();
    if (line->multi == nullptr || line->easy == nullptr) throw std::bad_alloc();
    return line;
}

void HttpClient::give_back(std::unique_ptr<Line> line) noexcept {
    const std::lock_guard lock(mutex_);
    try {
        idle_.push_back(std::move(line));
    } catch (...) {  // out of memory: the connection is closed instead of kept
    }
}

HttpResponse HttpClient::send(const HttpRequest& request) {
    auto exchange = std::make_unique<Exchange>(*this, request);
    exchange->wait_for_headers();
    HttpResponse response;
    response.status = exchange->status();
    response.headers = std::move(exchange->headers());
    response.peer = exchange->peer();
    response.body = std::make_unique<ResponseBody>(std::move(exchange));
    return response;
}

std::optional<std::string> HttpResponse::find_header(std::string_view name) const {
    for (const HttpHeader& header : headers)
        if (lower(header.name) == lower(name)) return header.value;
    return std::nullopt;
}

std::vector<std::string> HttpResponse::all_headers(std::string_view name) const {
    std::vector<std::string> values;
    for (const HttpHeader& header : headers)
        if (lower(header.name) == lower(name)) values.push_back(header.value);
    return values;
}

}  // namespace wasmx::io
