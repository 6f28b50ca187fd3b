// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace wasmx::io {

/// Parses what a stranger wrote: more than 64 levels or 500,000 values are Fault::integrity, before they take hundreds
/// of times their own size in memory. Text that is no JSON is nlohmann::json::parse_error.
nlohmann::json parse_json(std::string_view text);
/// The same, where what cannot be parsed is a value that is discarded: no object, no array, no text.
nlohmann::json try_parse_json(std::string_view text);

/// JSON as ASCII, so that nothing in it is obeyed by a terminal, nor by the runner of GitHub Actions ("##["). On one
/// line, or indented.
template <class Json>
std::string json_text(const Json& json, int indent = -1);

/// For `json_text`: "##[" can only stand in a string of JSON, where "[" may be written as an escape.
std::string without_runner_commands(std::string json);

template <class Json>
std::string json_text(const Json& json, int indent) {
    return without_runner_commands(json.dump(indent, ' ', true, Json::error_handler_t::replace));
}

}  // namespace wasmx::io
