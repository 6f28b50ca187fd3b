// SPDX-License-Identifier: Apache-2.0
#include "io/json.hpp"

#include <fmt/format.h>

#include "base/error.hpp"

namespace wasmx::io {

namespace {

using Json = nlohmann::json;

constexpr int most_levels = 64;
constexpr std::size_t most_values = 500'000;

}  // namespace

Json parse_json(std::string_view text) {
    std::size_t values = 0;
    return Json::parse(text, [&values](int depth, Json::parse_event_t event, Json&) {
        using Event = Json::parse_event_t;
        if (event == Event::object_end || event == Event::array_end) return true;
        const bool opens = event == Event::object_start || event == Event::array_start;
        if (opens && depth >= most_levels)
            throw Error(Fault::integrity, fmt::format("JSON of more than {} levels is not read", most_levels));
        if (++values > most_values)
            throw Error(Fault::integrity, fmt::format("JSON of more than {} values is not read", most_values));
        return true;
    });
}

Json try_parse_json(std::string_view text) {
    try {
        return parse_json(text);
    } catch (const Json::exception&) {
    } catch (const Error&) {
    }
    return Json::value_t::discarded;
}

std::string without_runner_commands(std::string json) {
    constexpr std::string_view mark = "##[";
    for (auto at = json.find(mark); at != std::string::npos; at = json.find(mark, at)) json.replace(at, 3, "##\\u005b");
    return json;
}

}  // namespace wasmx::io
