// SPDX-License-Identifier: Apache-2.0
#pragma once
// Layers as Docker's overlay2 keeps them: a recipe of the tar, and the files.

#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>

#include "extract/tars.hpp"
#include "io/base64.hpp"

namespace wasmx::test {

/// The recipe that tar-split writes of a tar with these members.
inline std::string recipe_of(const std::string& tar, const Members& members) {
    constexpr std::size_t block = 512;
    constexpr std::size_t type_at = 156;
    std::string out;
    std::size_t raw_from = 0;
    std::size_t position = 0;
    const auto add = [&](nlohmann::json entry) {
        entry["position"] = position++;
        out += entry.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    };
    const auto add_raw = [&](std::size_t to) {
        if (to > raw_from) add({{"type", 2}, {"payload", io::base64_encode(tar.substr(raw_from, to - raw_from))}});
        raw_from = to;
    };
    auto member = members.begin();
    for (std::size_t at = 0; at + block <= tar.size() && tar[at] != '\0';) {
        const std::size_t size = std::stoull(tar.substr(at + 124, 12), nullptr, 8);
        const bool is_long_name = tar[at + type_at] == 'L' || tar[at + type_at] == 'K';
        at += block;
        if (!is_long_name) {
            add_raw(at);
            nlohmann::json entry{{"type", 1}, {"name", member->path}};
            const bool is_text = std::all_of(member->path.begin(), member->path.end(), [](char c) { return c > 0; });
            if (!is_text) entry = {{"type", 1}, {"name_raw", io::base64_encode(member->path)}};
            if (size > 0) {
                entry["size"] = size;
                entry["payload"] = "AAAAAAAAAAA=";  // a checksum that we do not look at
                raw_from = at + size;
            }
            add(entry);
            ++member;
        }
        at += (size + block - 1) / block * block;
    }
    add_raw(tar.size());
    return out;
}

/// What the engine gives of the folder that these members were unpacked to: sorted, a name once, hard links to the
/// first.
inline std::string folder_tar(Members members) {
    std::stable_sort(members.begin(), members.end(), [](const Member& a, const Member& b) { return a.path < b.path; });
    for (Member& member : members) member.path = "./" + member.path;
    return tar(members);
}

}  // namespace wasmx::test
