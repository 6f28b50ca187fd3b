// SPDX-License-Identifier: Apache-2.0
#pragma once
// How the engine's answers are read; for the files of this room only.

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/text.hpp"
#include "io/http.hpp"

namespace wasmx::engine {

/// The next step where the engine's words tell of an image that containerd's store has only in part, as after `docker
/// pull --platform`; else empty.
std::string hint_of(std::string_view words);
/// What an answer that is no success says, as an Error; reads the body.
Error refused(io::HttpResponse& response, std::string_view method, std::string_view path);
/// The JSON of a 2xx answer; throws what `refused` makes of any other.
nlohmann::json expect_json(io::HttpResponse& response, std::string_view method, std::string_view path);
/// The error that a line of a stream carries ("error" / "errorDetail"), or empty.
std::string error_in(const nlohmann::json& line);

/// "/images/<name>". A name (an ID has the same grammar) may come from a Dockerfile or from the engine; Fault::usage
/// for one that would lead elsewhere in the API: "../containers/x".
std::string image_path(const std::string& name);
/// "/containers/<id>", of an ID or a name.
std::string container_path(const std::string& id);

/// What arrives of a response whose request has an idle limit: when that is over, the error says so of `what`, and what
/// to do.
io::SourcePtr watched(io::SourcePtr body, std::string what);
/// The same of a single step.
template <class Step>
auto in_time(std::string_view what, Step&& step) {
    try {
        return step();
    } catch (const io::TransportError& error) {
        if (error.kind() != io::TransportError::Kind::timeout) throw;
        throw io::TransportError(
            error.kind(), fmt::format("the engine sends nothing more of {}: {}", what, error.message()),
            "see whether it is alive and its disk has room (`docker info`, `docker system df`), restart it if it hangs "
            "(`systemctl restart docker`), and run the same command again");
    }
}

inline std::string text_of(const nlohmann::json& object, const char* key) {
    const auto found = object.find(key);
    return found == object.end() || !found->is_string() ? std::string() : found->get<std::string>();
}

/// JSON of an unexpected shape becomes an Error that names where it came from.
template <class Read>
auto reading_answer(std::string_view path, Read&& read) {
    try {
        return read();
    } catch (const nlohmann::json::exception& error) {
        throw Error(Fault::unavailable,
                    fmt::format("the engine's answer to {} has an unknown shape: {}", path, printable(error.what())));
    }
}

}  // namespace wasmx::engine
