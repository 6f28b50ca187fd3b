// SPDX-License-Identifier: Apache-2.0
#include "registry/error.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "io/json.hpp"
#include "oci/manifest.hpp"

namespace wasmx::registry {

namespace {

using Json = nlohmann::json;

constexpr std::uint64_t body_limit = 64 << 10;
constexpr std::size_t shown_limit = 400;

std::string_view reason_phrase(int status) {
    switch (status) {
        case 400: return " Bad Request";
        case 401: return " Unauthorized";
        case 403: return " Forbidden";
        case 404: return " Not Found";
        case 405: return " Method Not Allowed";
        case 408: return " Request Timeout";
        case 413: return " Content Too Large";
        case 416: return " Range Not Satisfiable";
        case 429: return " Too Many Requests";
        case 500: return " Internal Server Error";
        case 502: return " Bad Gateway";
        case 503: return " Service Unavailable";
        case 504: return " Gateway Timeout";
        default: return "";
    }
}

Fault fault_of(int status) {
    switch (status) {
        case 401:
        case 403: return Fault::denied;
        case 404: return Fault::not_found;
        case 408:
        case 429: return Fault::unavailable;
        default: return status >= 500 ? Fault::unavailable : Fault::failed;
    }
}

std::string text_member(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// An error body that cannot be read is no second error.
std::string body_text(io::HttpResponse& response) {
    std::string text;
    try {
        std::array<std::byte, 8192> buffer;
        while (response.body != nullptr && text.size() < body_limit) {
            const std::size_t count = response.body->read(buffer);
            if (count == 0) break;
            text += io::text_of(std::span(buffer).first(count));
        }
    } catch (const io::TransportError&) {
        return text;
    }
    return text;
}

// Servers quote what they were sent: signed URLs and tokens must not reach a log.
std::string without_secrets(std::string_view text) {
    std::string out;
    for (const auto word : split(text, ' ')) {
        if (!out.empty()) out += ' ';
        const bool after_scheme = out.ends_with("Bearer ") || out.ends_with("Basic ");
        if (after_scheme && word.size() > 16) {
            out += "…";
        } else if (const auto query = word.find('?'); query != std::string_view::npos && word.find('=') != word.npos) {
            out += word.substr(0, query);
            out += "?…";
        } else {
            out += word;
        }
    }
    return out;
}

std::string shown(std::string_view text) {
    const std::string out = without_secrets(printable(trim(text)));
    return out.size() <= shown_limit ? out : std::string(clipped(out, shown_limit)) + "…";
}

std::string shown(const std::vector<Complaint>& complaints) {
    std::string out;
    for (const Complaint& complaint : complaints) {
        if (!out.empty()) out += "; ";
        out += complaint.code;
        if (!complaint.code.empty() && !complaint.message.empty()) out += ": ";
        out += complaint.message;
    }
    return shown(out);
}

// With the digest that it is about, where that is said beside it alone. (distribution, "MANIFEST_BLOB_UNKNOWN")
std::string message_of(const Json& error) {
    std::string message = text_member(error, "message");
    const auto detail = error.find("detail");
    const std::string digest = detail != error.end() && detail->is_object() ? text_member(*detail, "digest") : "";
    if (Digest::try_parse(digest) && message.find(digest) == std::string::npos) message += " (" + digest + ")";
    return message;
}

}  // namespace

bool Refused::has_code(std::string_view code) const {
    return std::any_of(complaints_.begin(), complaints_.end(), [&](const Complaint& c) { return c.code == code; });
}

bool Refused::has_any_code() const {
    return std::any_of(complaints_.begin(), complaints_.end(), [](const Complaint& c) { return !c.code.empty(); });
}

std::vector<Complaint> parse_complaints(std::string_view body) {
    const Json json = io::try_parse_json(body);
    std::vector<Complaint> out;
    if (!json.is_object()) return out;
    if (const auto errors = json.find("errors"); errors != json.end() && errors->is_array()) {
        for (const Json& error : *errors)
            if (error.is_object()) out.push_back({text_member(error, "code"), message_of(error)});
    }
    if (!out.empty()) return out;
    std::string message = text_member(json, "message");
    if (message.empty()) message = text_member(json, "error_description");  // (RFC 6749, 5.2)
    if (message.empty()) message = text_member(json, "details");
    const std::string code = text_member(json, "error");
    if (!message.empty() || !code.empty()) out.push_back({code, message});
    return out;
}

std::optional<milliseconds> asked_wait(const io::HttpResponse& response, std::string_view body, TimePoint now) {
    if (const auto header = response.find_header("Retry-After")) {
        const std::string_view value = trim(*header);
        if (const auto date = parse_http_date(value))
            return std::max(std::chrono::duration_cast<milliseconds>(*date - now), milliseconds(0));
        if (!value.empty() && value.size() < 10 && value.find_first_not_of("0123456789") == std::string_view::npos)
            return std::chrono::seconds(std::stol(std::string(value)));
    }
    constexpr std::string_view mark = "retry-after:";
    const std::string text = lower(body);
    const auto at = text.find(mark);
    if (at == std::string::npos) return std::nullopt;
    const std::string_view rest = trim(std::string_view(text).substr(at + mark.size()));
    return parse_go_duration(rest.substr(0, rest.find_first_of(", \t\r\n\"'}")));
}

Refused refusal(std::string_view method, const std::string& url, io::HttpResponse& response,
                const Circumstances& circumstances, TimePoint now) {
    const std::string body = body_text(response);
    std::vector<Complaint> complaints = parse_complaints(body);
    // A page of HTML says nothing; a line of text or XML may say all ("Egress is over the account limit.").
    std::string said = complaints.empty() ? shown(body) : shown(complaints);
    if (complaints.empty() && lower(said).find("<html") != std::string::npos) said.clear();
    std::string message =
        fmt::format("{} {}: {}{}", method, printable_url(url), response.status, reason_phrase(response.status));
    // A registry can lead us to a server that it cannot reach itself. That server's words must not get out through an
    // error; they only choose the hint.
    const bool is_shown = !circumstances.foreign;
    if (is_shown && !said.empty()) message += ": " + said;
    for (const std::string_view name : {"X-GitHub-Request-Id", "X-Request-Id"}) {
        const auto id = response.find_header(name);
        if (!id || !is_shown) continue;
        message += fmt::format(" (request {})", shown(*id));
        break;
    }
    auto wait = asked_wait(response, body, now);
    // The registry granted what its storage refuses: a redirect expires, so this passes.
    const Fault fault = circumstances.foreign ? Fault::unavailable : fault_of(response.status);
    const bool is_hidden = response.status == 404 && circumstances.stale;
    return {is_hidden ? Fault::denied : fault,
            std::move(message),
            hint_for(response.status, said, circumstances),
            response.status,
            std::move(complaints),
            wait,
            circumstances.foreign};
}

}  // namespace wasmx::registry
